"""What is the score of a call?"""

from collections.abc import Sequence

from scorer.errors import count_of
from scorer.records import BehaviourScore, CallScore, Heard, JudgedCall
from scorer.scoring.chances import find_chances, hear
from scorer.scoring.flags import find_flags, struck_rules
from scorer.scoring.points import score_behaviour
from scorer.scoring.rubric import Critical, Rubric


def score_call(judged: JudgedCall, rubric: Rubric) -> CallScore:
    """Score one judged call by a rubric; the formulas are in configs/rubric.yaml.

    The score is None, never 0 or 100, where the call is too short or one-sided (`insufficient`) or nothing had a
    chance (`not_applicable`).
    """
    return score_heard(hear(judged), rubric)


def score_heard(heard: Heard, rubric: Rubric, *, roles_are_right: bool = False) -> CallScore:
    """`score_call` of a call that has been heard already. Known to be right, its roles are not checked again."""
    chances = {name: find_chances(heard, behaviour, rubric.episodes) for name, behaviour in rubric.behaviours.items()}
    behaviours = tuple(score_behaviour(heard, name, rule, chances=chances[name]) for name, rule in rubric.behaviours.items())
    raw = weighted_mean([(b.weight, b.points) for b in behaviours])
    if _lacking(heard, rubric):
        return CallScore(heard.call_id, "insufficient", None, None, None, None, None, behaviours)
    if raw is None:
        return CallScore(heard.call_id, "not_applicable", None, None, None, None, None, behaviours)
    struck = struck_rules(heard, rubric, chances)
    rules = [found.rule for found in struck]
    final = limited(raw, rules)
    hard = [rule.reason for rule in rules if rule.effect != "flag_only"]
    expected = weighted_mean([(b.weight, b.expected_points) for b in behaviours])
    return CallScore(
        call_id=heard.call_id,
        status="scored",
        raw_score=raw,
        score=final,
        expected_score=expected,
        band=band_of(final, rubric),
        auto_fail=hard[0] if hard else None,
        behaviours=behaviours,
        flags=find_flags(heard, rubric, final, behaviours=behaviours, struck=struck, check_roles=not roles_are_right),
    )


def why_no_score(judged: JudgedCall, rubric: Rubric) -> str:
    """What a call without a score lacks: segments of a party, or else any chance."""
    return " and ".join(_lacking(hear(judged), rubric)) or "nothing in it had a chance"


def weighted_mean(parts: Sequence[tuple[float, float | None]]) -> float | None:
    """100 x sum(weight x points) / sum(weight) over the parts that have points; None where their weights sum to 0."""
    counted = [(weight, points) for weight, points in parts if points is not None]
    total = sum(weight for weight, _ in counted)
    return round(100 * sum(weight * points for weight, points in counted) / total, 6) if total else None


def limited(raw: float, struck: Sequence[Critical]) -> float:
    """The score after the critical rules that struck."""
    limits = [0.0 if rule.effect == "zero" else rule.cap for rule in struck]
    return min([raw, *(limit for limit in limits if limit is not None)])


def band_of(score: float, rubric: Rubric) -> str:
    """The last band that begins at or below the score."""
    return [band.name for band in rubric.bands if band.start <= score][-1]


def contributions(behaviours: Sequence[BehaviourScore]) -> list[tuple[str, float, float]]:
    """Name, weight and points of the behaviours that counted: the terms of the score."""
    return [(b.behaviour, b.weight, b.points) for b in behaviours if b.points is not None and b.weight]


def _lacking(heard: Heard, rubric: Rubric) -> list[str]:
    """Of which party too few segments were spoken."""
    least = rubric.minimum
    parties = (("agent", heard.agent, least.agent_segments), ("customer", heard.customer, least.customer_segments))
    return [f"only {len(spoken)} of {count_of(needed, f'{party} segment')}" for party, spoken, needed in parties if len(spoken) < needed]

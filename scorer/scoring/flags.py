"""Why should a person look at a call?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from scorer.records import BehaviourScore, Evidence, Flag, Heard
from scorer.role_check import find_swap
from scorer.scoring.chances import Chance, hits_in
from scorer.scoring.points import evidence_at
from scorer.scoring.rubric import Critical, FlagRule, Rubric, is_desired

SEVERITIES = ("critical", "warning", "notice")  # most severe first
ROLE_RULE = "role_suspect"
ROLE_REASON = "agent and customer look swapped: check the roles before reading the score"
MOST_EVIDENCE = 10  # per flag; all of it is with the segments


@dataclass(frozen=True, slots=True)
class Struck:
    """A critical rule that a call breaks, and the hits that it counted."""

    rule: Critical
    counted: tuple[Evidence, ...]


def struck_rules(heard: Heard, rubric: Rubric, chances: Mapping[str, Sequence[Chance]]) -> tuple[Struck, ...]:
    """The critical rules that a call breaks, in the rubric's order; `chances` are those of each behaviour."""
    found = [
        Struck(rule, _counted(heard, rule, rubric.behaviours[rule.behaviour].label, chances[rule.behaviour])) for rule in rubric.critical
    ]
    return tuple(struck for struck in found if len(struck.counted) >= struck.rule.hits_at_least)


def find_flags(
    heard: Heard, rubric: Rubric, score: float, *, behaviours: Sequence[BehaviourScore], struck: Sequence[Struck], check_roles: bool
) -> tuple[Flag, ...]:
    """The flags of a scored call, most severe first, each with what to read."""
    flags = [Flag(found.rule.name, found.rule.reason, "critical", _strongest(found.counted)) for found in struck]
    by_name = {behaviour.behaviour: behaviour for behaviour in behaviours}
    flags += [
        Flag(rule.name, rule.reason, rule.severity, _strongest(_evidence_for(rule, by_name, rubric)))
        for rule in rubric.flags
        if _holds(rule, score, by_name)
    ]
    flags += _role_flags(heard) if check_roles else []
    return tuple(sorted(flags, key=lambda flag: SEVERITIES.index(flag.severity)))


def reasons_of(rubric: Rubric) -> dict[str, tuple[str, str]]:
    """Severity and reason of every rule that can flag a call."""
    rules = {rule.name: ("critical", rule.reason) for rule in rubric.critical} | {r.name: (r.severity, r.reason) for r in rubric.flags}
    return rules | {ROLE_RULE: ("warning", ROLE_REASON)}


def _role_flags(heard: Heard) -> list[Flag]:
    """A flag where agent and customer look swapped; of every rubric, since such a score is about the wrong person."""
    swap = find_swap(heard.speakers, heard.texts)
    if swap is None:
        return []
    found = [replace(evidence_at(heard, at, ROLE_RULE), probability=swap.share) for at in swap.segments]
    return [Flag(ROLE_RULE, ROLE_REASON, "warning", _strongest(found))]


def _counted(heard: Heard, rule: Critical, label: str, chances: Sequence[Chance]) -> tuple[Evidence, ...]:
    """The hits that a critical rule counts."""
    shown = heard.given(label)
    hits = zip(chances, hits_in(heard, chances, label), strict=True)
    counted = [chance for chance, hit in hits if hit and (chance.repeated or not rule.after_repeated)]
    return tuple(evidence_at(heard, min(shown.intersection(chance.answers)), label) for chance in counted)


def _holds(rule: FlagRule, score: float, behaviours: dict[str, BehaviourScore]) -> bool:
    if rule.score_below is not None:
        return score < rule.score_below
    if rule.hits_at_least is not None:
        return behaviours[rule.hits_at_least.behaviour].tally.hits >= rule.hits_at_least.count
    if rule.missed_at_least is not None:
        tally = behaviours[rule.missed_at_least.behaviour].tally
        return tally.chances - tally.hits >= rule.missed_at_least.count
    return False


def _evidence_for(rule: FlagRule, behaviours: dict[str, BehaviourScore], rubric: Rubric) -> list[Evidence]:
    """What to read: the evidence of the behaviour whose hits it counts; of a miss or a low score, what speaks against the agent."""
    if rule.hits_at_least is not None:
        return list(behaviours[rule.hits_at_least.behaviour].evidence)
    if rule.missed_at_least is not None:
        return _against(behaviours[rule.missed_at_least.behaviour], rubric)
    return [found for b in behaviours.values() if b.points is not None and b.points < 1 for found in _against(b, rubric)]


def _against(score: BehaviourScore, rubric: Rubric) -> list[Evidence]:
    """The evidence without hits of a desired behaviour: they speak for the agent."""
    behaviour = rubric.behaviours[score.behaviour]
    return [found for found in score.evidence if not (is_desired(behaviour) and found.label == behaviour.label)]


def _strongest(found: Sequence[Evidence]) -> tuple[Evidence, ...]:
    unique = {(evidence.segment_index, evidence.label): evidence for evidence in found}.values()
    return tuple(sorted(unique, key=lambda e: (-e.probability, e.segment_index, e.label))[:MOST_EVIDENCE])

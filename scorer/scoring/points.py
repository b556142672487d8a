"""How many points does a behaviour give in one call, and what is the evidence?"""

from collections.abc import Sequence

from scorer.records import BehaviourScore, Evidence, Heard, Tally
from scorer.scoring.chances import Chance, hits_in, probabilities_in
from scorer.scoring.rubric import AfterSignal, Behaviour, PerEpisode, PerTurn

QUOTE_CHARACTERS = 300


def score_behaviour(heard: Heard, name: str, behaviour: Behaviour, *, chances: Sequence[Chance]) -> BehaviourScore:
    """Tally, points from labels and from probabilities, and evidence of one behaviour; `chances` are those of find_chances."""
    hits = hits_in(heard, chances, behaviour.label)
    likely = probabilities_in(heard, chances, behaviour.label)
    return BehaviourScore(
        behaviour=name,
        tally=Tally(sum(hits), len(chances)),
        expected_hits=round(sum(likely), 6),
        points=_points(behaviour, chances, [float(hit) for hit in hits], _deflected(heard, behaviour, chances, hits)),
        expected_points=_points(behaviour, chances, likely, _likely_deflected(heard, behaviour, chances, likely)),
        weight=behaviour.weight,
        evidence=_evidence(heard, behaviour, chances, hits),
    )


def _points(behaviour: Behaviour, chances: Sequence[Chance], hits: Sequence[float], deflected: float) -> float | None:
    """Points, 0 to 1, from hits per chance (0 or 1 from labels, between from probabilities); None without a chance."""
    if not chances:
        return None
    rate = sum(hits) / len(chances)
    if isinstance(behaviour, AfterSignal):
        counted = sum(h * (behaviour.repeated_counts if c.repeated else 1.0) for h, c in zip(hits, chances, strict=True))
        return round(read_points(behaviour.points_by_count, counted), 6)
    if isinstance(behaviour, PerTurn):
        return round(1 - min(1.0, rate / behaviour.limit), 6)
    if isinstance(behaviour, PerEpisode):
        rate -= behaviour.against_share * deflected / len(chances)
        return round(min(1.0, max(0.0, rate) / behaviour.target), 6)
    if behaviour.limit is not None:
        return round(1 - min(1.0, rate / behaviour.limit), 6)
    return round(min(1.0, rate / (behaviour.target or 1.0)), 6)


def read_points(points_by_count: tuple[float, ...], count: float) -> float:
    """The points for a count; between two counts on the straight line, beyond the last as the last."""
    below = int(count)
    if below >= len(points_by_count) - 1:
        return points_by_count[-1]
    share = count - below
    return points_by_count[below] * (1 - share) + points_by_count[below + 1] * share


def _deflected(heard: Heard, behaviour: Behaviour, chances: Sequence[Chance], hits: Sequence[bool]) -> float:
    """Episodes that were deflected and not taken on."""
    if not isinstance(behaviour, PerEpisode) or behaviour.against is None:
        return 0.0
    against = hits_in(heard, chances, behaviour.against)
    return float(sum(deflected and not hit for deflected, hit in zip(against, hits, strict=True)))


def _likely_deflected(heard: Heard, behaviour: Behaviour, chances: Sequence[Chance], likely: Sequence[float]) -> float:
    if not isinstance(behaviour, PerEpisode) or behaviour.against is None:
        return 0.0
    against = probabilities_in(heard, chances, behaviour.against)
    return sum(deflected * (1 - hit) for deflected, hit in zip(against, likely, strict=True))


def _evidence(heard: Heard, behaviour: Behaviour, chances: Sequence[Chance], hits: Sequence[bool]) -> tuple[Evidence, ...]:
    """What to read: every hit; for a chance that a desired behaviour missed, the signal and what disowned it. In order of time."""
    places: set[tuple[int, str]] = set()
    shown = heard.given(behaviour.label)
    for chance, hit in zip(chances, hits, strict=True):
        if hit:
            places |= {(at, behaviour.label) for at in shown.intersection(chance.answers)}
        elif isinstance(behaviour, PerEpisode):
            against = behaviour.against or ""
            places.add((chance.at, behaviour.signal))
            places |= {(at, against) for at in heard.given(against).intersection(chance.answers)}
    return tuple(evidence_at(heard, at, label) for at, label in sorted(places))


def evidence_at(heard: Heard, at: int, label: str) -> Evidence:
    """One place of a call as evidence, its quote cut to 300 characters."""
    text, probabilities = heard.texts[at], heard.probabilities.get(label)
    quote = text if len(text) <= QUOTE_CHARACTERS else text[: QUOTE_CHARACTERS - 1] + "…"
    return Evidence(at, label, probabilities[at] if probabilities else 0.0, heard.starts_s[at], quote, heard.tiers[at])

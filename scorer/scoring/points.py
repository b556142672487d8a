"""How many points does a behaviour give in one call, and what is the evidence?"""

from scorer.records import BehaviourScore, Evidence, JudgedCall, Tally
from scorer.scoring.chances import Chance, find_chances, hit_in, probability_in
from scorer.scoring.rubric import AfterSignal, Behaviour, Episodes, PerEpisode, PerTurn

QUOTE_CHARACTERS = 300


def score_behaviour(judged: JudgedCall, name: str, behaviour: Behaviour, *, episodes: Episodes) -> BehaviourScore:
    """Tally, points from labels and from probabilities, and evidence of one behaviour."""
    chances = find_chances(judged, behaviour, episodes)
    hits = [hit_in(judged, chance, behaviour.label) for chance in chances]
    likely = [probability_in(judged, chance, behaviour.label) for chance in chances]
    return BehaviourScore(
        behaviour=name,
        tally=Tally(sum(hits), len(chances)),
        expected_hits=round(sum(likely), 6),
        points=_points(behaviour, chances, [float(hit) for hit in hits], _deflected(judged, behaviour, chances)),
        expected_points=_points(behaviour, chances, likely, _likely_deflected(judged, behaviour, chances, likely)),
        weight=behaviour.weight,
        evidence=_evidence(judged, behaviour, chances),
    )


def _points(behaviour: Behaviour, chances: tuple[Chance, ...], hits: list[float], deflected: float) -> float | None:
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


def _deflected(judged: JudgedCall, behaviour: Behaviour, chances: tuple[Chance, ...]) -> float:
    """Episodes that were deflected and not taken on."""
    if not isinstance(behaviour, PerEpisode) or behaviour.against is None:
        return 0.0
    label, against = behaviour.label, behaviour.against
    return float(sum(hit_in(judged, chance, against) and not hit_in(judged, chance, label) for chance in chances))


def _likely_deflected(judged: JudgedCall, behaviour: Behaviour, chances: tuple[Chance, ...], likely: list[float]) -> float:
    if not isinstance(behaviour, PerEpisode) or behaviour.against is None:
        return 0.0
    against = behaviour.against
    return sum(probability_in(judged, chance, against) * (1 - hit) for chance, hit in zip(chances, likely, strict=True))


def _evidence(judged: JudgedCall, behaviour: Behaviour, chances: tuple[Chance, ...]) -> tuple[Evidence, ...]:
    """What to read: every hit; for a chance that a desired behaviour missed, the signal and what disowned it. In order of time."""
    places: set[tuple[int, str]] = set()
    for chance in chances:
        places |= {(at, behaviour.label) for at in chance.answers if behaviour.label in judged.predictions[at].labels}
        if isinstance(behaviour, PerEpisode) and not hit_in(judged, chance, behaviour.label):
            places.add((chance.at, behaviour.signal))
            against = behaviour.against or ""
            places |= {(at, against) for at in chance.answers if against in judged.predictions[at].labels}
    return tuple(evidence_at(judged, at, label) for at, label in sorted(places))


def evidence_at(judged: JudgedCall, at: int, label: str) -> Evidence:
    """One place of a call as evidence, its quote cut to 300 characters."""
    segment, prediction = judged.call.segments[at], judged.predictions[at]
    quote = segment.text if len(segment.text) <= QUOTE_CHARACTERS else segment.text[: QUOTE_CHARACTERS - 1] + "…"
    return Evidence(segment.index, label, prediction.probabilities.get(label, 0.0), segment.start_s, quote, prediction.tier)

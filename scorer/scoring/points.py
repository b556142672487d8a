"""How many points does a behaviour give in one call, and what is the evidence?"""

from collections.abc import Mapping, Sequence
from math import inf

from scorer.records import BehaviourScore, Evidence, Heard, Tally
from scorer.scoring.chances import Chance, hits_in, probabilities_in
from scorer.scoring.rubric import AfterSignal, Behaviour, PerEpisode, PerTurn

QUOTE_CHARACTERS = 300
UNITS = 1_000_000  # of a count: whole numbers, so that the same shares in another order add up to the same count
MANY, UNHEARD_OF = 64, 1e-12  # among more counts than that, those less probable than this are left out: they would be thousands


def score_behaviour(heard: Heard, name: str, behaviour: Behaviour, *, chances: Sequence[Chance]) -> BehaviourScore:
    """Tally, points from labels and from probabilities, and evidence of one behaviour; `chances` are those of find_chances."""
    hits = hits_in(heard, chances, behaviour.label)
    likely = probabilities_in(heard, chances, behaviour.label)
    return BehaviourScore(
        behaviour=name,
        tally=Tally(sum(hits), len(chances)),
        expected_hits=round(sum(likely), 6),
        points=round(_points(behaviour, _count(heard, behaviour, chances, hits), len(chances)), 6) if chances else None,
        expected_points=round(_expected_points(heard, behaviour, chances, likely), 6) if chances else None,
        weight=behaviour.weight,
        evidence=_evidence(heard, behaviour, chances, hits),
    )


def _count(heard: Heard, behaviour: Behaviour, chances: Sequence[Chance], hits: Sequence[bool]) -> float:
    """What the hits add up to, less what was deflected and not hit."""
    if isinstance(behaviour, PerEpisode) and behaviour.against:
        against = hits_in(heard, chances, behaviour.against)
        return sum(hits) - behaviour.against_share * sum(said and not hit for said, hit in zip(against, hits, strict=True))
    return sum(_worth(behaviour, chance) for chance, hit in zip(chances, hits, strict=True) if hit)


def _expected_points(heard: Heard, behaviour: Behaviour, chances: Sequence[Chance], likely: Sequence[float]) -> float:
    """The points that come out on average where each chance is hit with its probability, independently.

    Not the points of the mean count: with few chances those are far off, since points have a floor and a ceiling.
    """
    against, share = [0.0] * len(chances), 0.0
    if isinstance(behaviour, PerEpisode) and behaviour.against:
        against, share = probabilities_in(heard, chances, behaviour.against), behaviour.against_share
    counts, enough = {0.0: 1.0}, _enough(behaviour, len(chances)) * UNITS  # every count that may come out, with its probability
    for chance, hit, said in zip(chances, likely, against, strict=True):
        moves = [(round(_worth(behaviour, chance) * UNITS), hit)]
        if share:
            moves.append((round(-share * UNITS), (1 - hit) * said))
        counts = _moved(counts, moves, enough)
    return sum(probability * _points(behaviour, count / UNITS, len(chances)) for count, probability in counts.items())


def _moved(counts: Mapping[float, float], moves: Sequence[tuple[int, float]], enough: float) -> dict[float, float]:
    """The counts and their probabilities after one more chance, which adds to a count with the probabilities of `moves`, or nothing."""
    stays = 1 - sum(p for _, p in moves)
    after = {count: probability * stays for count, probability in counts.items()}
    for move, p in moves:
        for count, probability in counts.items():
            total = count + move if count + move < enough else enough
            after[total] = after.get(total, 0.0) + probability * p
    return after if len(after) <= MANY else {count: probability for count, probability in after.items() if probability > UNHEARD_OF}


def _worth(behaviour: Behaviour, chance: Chance) -> float:
    """What a hit adds to the count."""
    return behaviour.repeated_counts if isinstance(behaviour, AfterSignal) and chance.repeated else 1.0


def _enough(behaviour: Behaviour, chances: int) -> float:
    """From which count on the points stay as they are, whatever else comes; infinite where more can take away again."""
    if isinstance(behaviour, PerEpisode):
        return inf
    if isinstance(behaviour, AfterSignal):
        return len(behaviour.points_by_count) - 1
    return chances * (behaviour.limit if isinstance(behaviour, PerTurn) else behaviour.limit or behaviour.target or 1.0)


def _points(behaviour: Behaviour, count: float, chances: int) -> float:
    """Points, 0 to 1, for a count of hits."""
    if isinstance(behaviour, AfterSignal):
        return read_points(behaviour.points_by_count, count)
    rate = count / chances
    if isinstance(behaviour, PerEpisode):
        return min(1.0, max(0.0, rate) / behaviour.target)
    if behaviour.limit is not None:
        return 1 - min(1.0, rate / behaviour.limit)
    return min(1.0, rate / (behaviour.target or 1.0))


def read_points(points_by_count: tuple[float, ...], count: float) -> float:
    """The points for a count; between two counts on the straight line, beyond the last as the last."""
    below = int(count)
    if below >= len(points_by_count) - 1:
        return points_by_count[-1]
    share = count - below
    return points_by_count[below] * (1 - share) + points_by_count[below + 1] * share


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

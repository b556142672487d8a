"""In which moments of a call was a behaviour called for, or could go wrong?"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

from scorer.records import JudgedCall
from scorer.scoring.rubric import AfterSignal, Behaviour, Episodes, PerEpisode, PerTurn


@dataclass(frozen=True, slots=True)
class Chance:
    """One chance: the segment that gave it, and the agent segments in which the behaviour could show, in order.

    `repeated` is true where the customer had given the signal in two turns or more by then.
    """

    at: int
    answers: tuple[int, ...]
    repeated: bool = False


def find_chances(judged: JudgedCall, behaviour: Behaviour, episodes: Episodes) -> tuple[Chance, ...]:
    """The chances of one behaviour in one call, in order of time."""
    if isinstance(behaviour, PerTurn):
        return tuple(_turns(judged))
    if isinstance(behaviour, AfterSignal):
        return tuple(_after_signal(judged, behaviour.signal))
    if isinstance(behaviour, PerEpisode):
        found = tuple(_episodes(judged, behaviour, episodes))
        if behaviour.one_is_enough and found:
            return (Chance(found[0].at, tuple(sorted({at for chance in found for at in chance.answers}))),)
        return found
    return tuple(Chance(at, (at,)) for at in _spoken_by(judged, "agent"))


def hit_in(judged: JudgedCall, chance: Chance, label: str) -> bool:
    """Whether one of the answers carries the label."""
    return any(label in judged.predictions[at].labels for at in chance.answers)


def probability_in(judged: JudgedCall, chance: Chance, label: str) -> float:
    """The probability, 0 to 1, that at least one of the answers carries the label, taken as independent."""
    return 1 - prod(1 - judged.predictions[at].probabilities.get(label, 0.0) for at in chance.answers)


def _spoken_by(judged: JudgedCall, speaker: str) -> list[int]:
    """Positions of the segments that a party spoke words in."""
    return [at for at, segment in enumerate(judged.call.segments) if segment.speaker == speaker and segment.text.strip()]


def _turns(judged: JudgedCall) -> Iterator[Chance]:
    """Each customer segment that the agent answers before the customer goes on; others in between do not count."""
    customer: int | None = None
    answers: list[int] = []
    agent = set(_spoken_by(judged, "agent"))
    for at in sorted({*agent, *_spoken_by(judged, "customer")}):
        if at in agent:
            answers.append(at)
            continue
        if customer is not None and answers:
            yield Chance(customer, tuple(answers))
        customer, answers = at, []
    if customer is not None and answers:
        yield Chance(customer, tuple(answers))


def _after_signal(judged: JudgedCall, signal: str) -> Iterator[Chance]:
    """Each agent segment after the first signal; signals count as repeated once the agent has spoken between two of them."""
    first: int | None = None
    answered = repeated = False
    for at, segment in enumerate(judged.call.segments):
        if signal in judged.predictions[at].labels:
            repeated = repeated or answered
            first = at if first is None else first
        elif first is not None and segment.speaker == "agent" and segment.text.strip():
            answered = True
            yield Chance(first, (at,), repeated)


def _episodes(judged: JudgedCall, behaviour: PerEpisode, episodes: Episodes) -> Iterator[Chance]:
    """Each episode of the signal, with the agent segments that can answer it."""
    agent = _spoken_by(judged, "agent")
    spans = _spans([at for at, p in enumerate(judged.predictions) if behaviour.signal in p.labels], episodes.gap_segments)
    reach = behaviour.within_segments or episodes.answer_segments
    for number, (first, last) in enumerate(spans):
        until = spans[number + 1][0] if number + 1 < len(spans) else len(judged.predictions)
        within = agent[bisect_right(agent, first) : bisect_left(agent, last)]
        after = agent[bisect_right(agent, last) : bisect_left(agent, until)][:reach]
        yield Chance(first, (*within, *after))


def _spans(signals: list[int], gap: int) -> list[tuple[int, int]]:
    """First and last position of each run of signals with at most `gap` segments between one and the next."""
    spans: list[tuple[int, int]] = []
    for at in signals:
        if spans and at - spans[-1][1] - 1 <= gap:
            spans[-1] = (spans[-1][0], at)
        else:
            spans.append((at, at))
    return spans

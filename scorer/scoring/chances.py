"""In which moments of a call was a behaviour called for, or could go wrong?"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from math import prod
from typing import NamedTuple

from scorer.records import Heard, JudgedCall
from scorer.scoring.rubric import AfterSignal, Behaviour, Episodes, PerEpisode, PerTurn


class Chance(NamedTuple):
    """One chance: the segment that gave it, and the agent segments in which the behaviour could show, in order.

    `repeated` is true where the customer had given the signal in two turns or more by then.
    """

    at: int
    answers: tuple[int, ...]
    repeated: bool = False


def hear(judged: JudgedCall) -> Heard:
    """Work out what scoring needs of a call."""
    segments, predictions = judged.call.segments, judged.predictions
    spoken: dict[str, list[int]] = {"agent": [], "customer": [], "other": []}
    given: dict[str, set[int]] = {}
    for at, (segment, prediction) in enumerate(zip(segments, predictions, strict=True)):
        if segment.text.strip():
            spoken[segment.speaker].append(at)
        for label in prediction.labels:
            given.setdefault(label, set()).add(at)
    known = {label for prediction in predictions for label in prediction.probabilities}
    return Heard(
        call_id=judged.call.call_id,
        speakers=[segment.speaker for segment in segments],
        texts=[segment.text for segment in segments],
        starts_s=[segment.start_s for segment in segments],
        tiers=[prediction.tier for prediction in predictions],
        probabilities={label: [prediction.probabilities.get(label, 0.0) for prediction in predictions] for label in known},
        labels={label: frozenset(places) for label, places in given.items()},
        agent=spoken["agent"],
        customer=spoken["customer"],
    )


def find_chances(heard: Heard, behaviour: Behaviour, episodes: Episodes) -> tuple[Chance, ...]:
    """The chances of one behaviour in one call, in order of time."""
    if isinstance(behaviour, PerTurn):
        return tuple(_turns(heard))
    if isinstance(behaviour, AfterSignal):
        return tuple(_after_signal(heard, behaviour.signal))
    if isinstance(behaviour, PerEpisode):
        found = tuple(_episodes(heard, behaviour, episodes))
        if behaviour.one_is_enough and found:
            return (Chance(found[0].at, tuple(sorted({at for chance in found for at in chance.answers}))),)
        return found
    return tuple(Chance(at, (at,)) for at in heard.agent)


def hits_in(heard: Heard, chances: Sequence[Chance], label: str) -> list[bool]:
    """For each chance, whether one of its answers carries the label."""
    given = heard.given(label)
    return [not given.isdisjoint(chance.answers) for chance in chances] if given else [False] * len(chances)


def probabilities_in(heard: Heard, chances: Sequence[Chance], label: str) -> list[float]:
    """For each chance, the probability, 0 to 1, that at least one of its answers carries the label, taken as independent."""
    column = heard.probabilities.get(label)
    if column is None:
        return [0.0] * len(chances)
    return [1 - prod([1 - column[at] for at in chance.answers]) for chance in chances]


def _turns(heard: Heard) -> Iterator[Chance]:
    """Each customer segment that the agent answers before the customer goes on; others in between do not count."""
    customer: int | None = None
    answers: list[int] = []
    for at in sorted([*heard.agent, *heard.customer]):
        if heard.speakers[at] == "agent":
            answers.append(at)
            continue
        if customer is not None and answers:
            yield Chance(customer, tuple(answers))
        customer, answers = at, []
    if customer is not None and answers:
        yield Chance(customer, tuple(answers))


def _after_signal(heard: Heard, signal: str) -> Iterator[Chance]:
    """Each agent segment after the first signal; signals count as repeated once the agent has spoken between two of them."""
    signals = heard.given(signal)
    if not signals:
        return
    first = min(signals)
    answered = repeated = False
    for at in sorted({*signals, *(at for at in heard.agent if at > first)}):
        if at in signals:
            repeated = repeated or answered
        else:
            answered = True
            yield Chance(first, (at,), repeated)


def _episodes(heard: Heard, behaviour: PerEpisode, episodes: Episodes) -> Iterator[Chance]:
    """Each episode of the signal, with the agent segments that can answer it."""
    spans = _spans(sorted(heard.given(behaviour.signal)), episodes.gap_segments)
    reach = behaviour.within_segments or episodes.answer_segments
    for number, (first, last) in enumerate(spans):
        until = spans[number + 1][0] if number + 1 < len(spans) else len(heard.speakers)
        within = heard.agent[bisect_right(heard.agent, first) : bisect_left(heard.agent, last)]
        after = heard.agent[bisect_right(heard.agent, last) : bisect_left(heard.agent, until)][:reach]
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

"""How much does a segment overlap the other party's speech, and how surely is that known?"""

from collections.abc import Sequence
from dataclasses import dataclass

from scorer.records import Segment, Speaker, Tier

Span = tuple[float, float]
PAUSE_S = 0.5  # silence before a segment from which on the turn was clearly free
LATCHED_S = 0.2  # a start this long before the other's end is an ordinary change of turns


@dataclass(frozen=True, slots=True)
class Timing:
    """Where a segment stands in time.

    `gap_s` is its start minus the end of the other party's latest speech before it (negative: started while the other spoke),
    None where unknown or nobody spoke before. `overlap_s` is the time spoken over the other party; None where unknown.
    """

    gap_s: float | None
    overlap_s: float | None
    tier: Tier


def word_spans(segment: Segment) -> list[Span]:
    """Times of the words, empty unless every word has both."""
    spans = [(w.start_s, w.end_s) for w in segment.words if w.start_s is not None and w.end_s is not None and w.end_s > w.start_s]
    return spans if len(spans) == len(segment.words) else []


def turn_span(segment: Segment) -> list[Span]:
    """Time of the whole segment, empty unless both ends are known."""
    if segment.start_s is None or segment.end_s is None:
        return []
    return [(segment.start_s, segment.end_s)]


def overlap(ours: Sequence[Span], theirs: Sequence[Span]) -> float:
    """Seconds in which both speak; spans of one party do not overlap each other."""
    return sum(max(0.0, min(a[1], b[1]) - max(a[0], b[0])) for a in ours for b in theirs)


def time_segments(segments: Sequence[Segment]) -> tuple[Timing, ...]:
    """Timing of every segment, in order.

    Each is compared with the other party's segments up to three places before and after it, which bounds the work
    and still finds every overlap of transcripts that are ordered by start.
    """
    spoken = [(segment.speaker, turn_span(segment), word_spans(segment)) for segment in segments]
    return tuple(_time(spoken, at) for at in range(len(spoken)))


def _time(spoken: Sequence[tuple[Speaker, list[Span], list[Span]]], at: int) -> Timing:
    """Of one segment; every segment is its speaker, its turn and its words."""
    speaker, mine, my_words = spoken[at]
    near = [(turn, words) for who, turn, words in spoken[max(0, at - 3) : at + 4] if who != speaker and turn]
    if not mine or not near:
        return Timing(None, None, "none")
    fine = bool(my_words) and all(words for _, words in near)
    theirs = [span for turn, words in near for span in (words if fine else turn)]
    start = mine[0][0]
    before = [turn[0][1] for turn, _ in near if turn[0][0] < start]
    gap = start - max(before) if before else None
    return Timing(gap, round(overlap(my_words if fine else mine, theirs), 3), "words" if fine else "turns")

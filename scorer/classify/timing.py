"""How much does a segment overlap the other party's speech, and how surely is that known?"""

from collections.abc import Sequence
from dataclasses import dataclass

from scorer.records import Segment, Tier

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
    return tuple(_time(segments, at) for at in range(len(segments)))


def _time(segments: Sequence[Segment], at: int) -> Timing:
    mine = turn_span(segments[at])
    near = [s for s in segments[max(0, at - 3) : at + 4] if s.speaker != segments[at].speaker]
    timed = [s for s in near if turn_span(s)]
    if not mine or not timed:
        return Timing(None, None, "none")
    my_words = word_spans(segments[at])
    fine = bool(my_words) and all(word_spans(s) for s in timed)
    ours = my_words if fine else mine
    theirs = [span for s in timed for span in (word_spans(s) if fine else turn_span(s))]
    before = [end for start, end in (turn_span(s)[0] for s in timed) if start < mine[0][0]]
    gap = mine[0][0] - max(before) if before else None
    return Timing(gap, round(overlap(ours, theirs), 3), "words" if fine else "turns")

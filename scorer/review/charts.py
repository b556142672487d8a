"""Where do the marks of a picture stand? Places for the SVG in pages/parts.html."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from scorer.records import Segment

WIDTH = 1000.0  # of a timeline, in units of the picture


@dataclass(frozen=True, slots=True)
class Bar:
    """A stretch of the timeline, 0 to WIDTH."""

    x: float
    width: float


@dataclass(frozen=True, slots=True)
class Timeline:
    """Who spoke when: bars by speaker, stretches in which both spoke, and what a person is told instead of the picture."""

    lanes: tuple[tuple[str, tuple[Bar, ...]], ...]
    both: tuple[Bar, ...]
    marked: tuple[Bar, ...]  # segments with evidence
    ticks: tuple[tuple[float, str], ...]  # place 0 to 100 and clock
    said: str


def timeline(segments: Sequence[Segment], evidence: frozenset[int]) -> Timeline:
    """The picture of a call. Without times, segments stand side by side, and the text says so."""
    timed = [s for s in segments if s.start_s is not None and s.end_s is not None]
    if not timed:
        spans = {s.index: (float(at), at + 0.9) for at, s in enumerate(segments)}
        return _draw(segments, spans, evidence, said="The transcript has no times: segments are in order, each of the same width.")
    spans = {s.index: (float(s.start_s or 0), float(s.end_s or 0)) for s in timed}
    return _draw(timed, spans, evidence, said=_said(timed, spans), ticks=_ticks(spans))


def clock(seconds: float | None) -> str:
    """Minutes and seconds, empty where unknown."""
    return "" if seconds is None else f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def _draw(
    segments: Sequence[Segment],
    spans: dict[int, tuple[float, float]],
    evidence: frozenset[int],
    *,
    said: str,
    ticks: tuple[tuple[float, str], ...] = (),
) -> Timeline:
    first, last = _ends(spans)
    scale = WIDTH / max(1e-9, last - first)

    def bar(start: float, end: float) -> Bar:
        return Bar(round((start - first) * scale, 1), round(max(2.0, (end - start) * scale), 1))

    speakers = [name for name in ("agent", "customer", "other") if any(s.speaker == name for s in segments)]
    lanes = tuple((name, tuple(bar(*spans[s.index]) for s in segments if s.speaker == name)) for name in speakers)
    both = tuple(bar(start, end) for start, end in overlaps(segments, spans)) if ticks else ()
    marked = tuple(bar(*spans[s.index]) for s in segments if s.index in evidence)
    return Timeline(lanes, both, marked, ticks, said)


def overlaps(segments: Sequence[Segment], spans: dict[int, tuple[float, float]]) -> list[tuple[float, float]]:
    """Stretches in which agent and customer both speak, in order."""
    agent, customer = (sorted(spans[s.index] for s in segments if s.speaker == party) for party in ("agent", "customer"))
    reached = list(accumulate((end for _, end in customer), max))  # latest end so far, so that what ended before is passed over
    starts = [start for start, _ in customer]
    near = ((a, b, customer[bisect_right(reached, a) : bisect_left(starts, b)]) for a, b in agent)
    return sorted((max(a, c), min(b, d)) for a, b, spoken in near for c, d in spoken if min(b, d) > max(a, c))


def _said(segments: Sequence[Segment], spans: dict[int, tuple[float, float]]) -> str:
    spoken = {party: sum(spans[s.index][1] - spans[s.index][0] for s in segments if s.speaker == party) for party in ("agent", "customer")}
    both = sum(end - start for start, end in overlaps(segments, spans))
    return f"The agent speaks {clock(spoken['agent'])}, the customer {clock(spoken['customer'])}; both at once for {both:.0f} s."


def _ticks(spans: dict[int, tuple[float, float]]) -> tuple[tuple[float, str], ...]:
    first, last = _ends(spans)
    return tuple((25.0 * at, clock(first + (last - first) * at / 4)) for at in range(5))


def _ends(spans: dict[int, tuple[float, float]]) -> tuple[float, float]:
    return min((start for start, _ in spans.values()), default=0.0), max((end for _, end in spans.values()), default=1.0)

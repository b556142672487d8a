"""What does the model read at once? Windows of many segments, each opened by two markers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from scorer.classify.timing import LATCHED_S, PAUSE_S, Timing, time_segments
from scorer.records import Segment, Speaker

SPEAKER_MARKERS: dict[Speaker, str] = {"agent": "[unused1]", "customer": "[unused2]", "other": "[unused3]"}
TIMING_MARKERS: dict[str, str] = {
    "unknown": "[unused4]",
    "pause": "[unused5]",
    "turn_end": "[unused6]",
    "cuts_in_little": "[unused7]",
    "cuts_in": "[unused8]",
    "cuts_in_much": "[unused9]",
    "inside": "[unused10]",
}
MARKER_SCHEME = 2  # stands in the model folder; raise it when a marker or its meaning changes: a model knows only its own
MARKERS = (*SPEAKER_MARKERS.values(), *TIMING_MARKERS.values())
MARKERS_PER_SEGMENT = 2
CUTS_IN = (("cuts_in_little", 0.5), ("cuts_in", 1.0))  # seconds before the other party's end


@dataclass(frozen=True, slots=True)
class Piece:
    """The tokens of one segment, or of one part of a segment that is longer than a window."""

    segment: int  # position in the call
    token_ids: tuple[int, ...]  # two markers, then the words


@dataclass(frozen=True, slots=True)
class Window:
    """Token ids for one pass of the encoder; `spans` are (segment, start, end) of the pieces whose answer is read from here."""

    token_ids: tuple[int, ...]
    spans: tuple[tuple[int, int, int], ...]


def timing_name(segment: Segment, timing: Timing) -> str:
    """Which of the timing markers fits a segment: what matters is how far the other party still was from its end when it began."""
    if timing.overlap_s is None:
        return "unknown"
    if timing.gap_s is None or timing.gap_s >= PAUSE_S:
        return "pause"
    early = -timing.gap_s
    if early < LATCHED_S:
        return "turn_end"
    if (segment.end_s or 0.0) - (segment.start_s or 0.0) <= early:
        return "inside"
    return next((name for name, below in CUTS_IN if early < below), "cuts_in_much")


def pieces(segments: Sequence[Segment], words: Sequence[Sequence[int]], marker_ids: dict[str, int], *, room: int) -> list[Piece]:
    """Every segment, whose tokens `words` holds, as marked pieces of at most `room` tokens; none is cut, long ones are split."""
    found = []
    step = room - MARKERS_PER_SEGMENT
    for at, (segment, timing, said) in enumerate(zip(segments, time_segments(segments), words, strict=True)):
        markers = (marker_ids[SPEAKER_MARKERS[segment.speaker]], marker_ids[TIMING_MARKERS[timing_name(segment, timing)]])
        for start in range(0, max(len(said), 1), step):
            found.append(Piece(at, (*markers, *said[start : start + step])))
    return found


def windows(parts: Sequence[Piece], *, cls_id: int, sep_id: int, window_tokens: int, context_tokens: int) -> Iterator[Window]:
    """Cut a call into windows of at most `window_tokens`.

    Each answers for a run of pieces and shows up to `context_tokens` of the pieces before and after that run, so that no
    segment is judged at a blind edge; a call that fits into one window is one window.
    """
    sizes = [len(part.token_ids) for part in parts]
    room = window_tokens - 2
    at = 0
    while at < len(parts):
        first = _reach_back(sizes, at, context_tokens) if at else 0
        end = _fill(sizes, first, room)
        answered = end if end == len(parts) else max(at + 1, _reach_back(sizes, end, context_tokens))
        if end <= at:  # a piece as long as the window leaves no place for context
            first, end, answered = at, at + 1, at + 1
        yield _window(parts[first:end], cls_id, sep_id, range(at - first, answered - first))
        at = answered


def _reach_back(sizes: Sequence[int], at: int, tokens: int) -> int:
    """The earliest position from which to `at` there are at most `tokens` tokens."""
    while at > 0 and sizes[at - 1] <= tokens:
        at -= 1
        tokens -= sizes[at]
    return at


def _fill(sizes: Sequence[int], at: int, room: int) -> int:
    """How far from `at` the pieces fit into `room` tokens."""
    while at < len(sizes) and sizes[at] <= room:
        room -= sizes[at]
        at += 1
    return at


def _window(parts: Sequence[Piece], cls_id: int, sep_id: int, answered: range) -> Window:
    ids = [cls_id]
    spans = []
    for at, part in enumerate(parts):
        if at in answered:
            spans.append((part.segment, len(ids), len(ids) + len(part.token_ids)))
        ids.extend(part.token_ids)
    return Window((*ids, sep_id), tuple(spans))

"""Every value that flows through a night, one frozen type per stage."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

Speaker = Literal["agent", "customer", "other"]
Tier = Literal["words", "turns", "none"]  # what the overlap of a segment is known from
NOWHERE: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Word:
    """One recognised word; seconds from the start of the call, None where unknown."""

    text: str
    start_s: float | None = None
    end_s: float | None = None


@dataclass(frozen=True, slots=True)
class Segment:
    """One stretch of speech by one party, as the transcript holds it."""

    index: int  # position in the call, 0 first; gaps in the input's numbering are closed
    speaker: Speaker
    text: str  # empty where the input has null
    start_s: float | None = None
    end_s: float | None = None
    words: tuple[Word, ...] = ()


@dataclass(frozen=True, slots=True)
class Call:
    """One whole call, segments in order.

    `fields` are the caller's own columns (agent_id, team, ...), carried through untouched.
    `notes` count what the reader had to mend, e.g. {"time_dropped": 2}; see tables/reader.py.
    """

    call_id: str
    segments: tuple[Segment, ...]
    fields: Mapping[str, Any] = field(default_factory=dict)
    notes: Mapping[str, int] = field(default_factory=dict)
    rows: int = 0  # input rows that went into it

    @property
    def characters(self) -> int:
        """Of all its segments' text."""
        return sum(len(segment.text) for segment in self.segments)


class RejectReason(StrEnum):
    """Why rows could not be scored: a closed list."""

    CALL_ID_MISSING = "call_id_missing"
    DUPLICATE_SEGMENT_INDEX = "duplicate_segment_index"
    NO_SEGMENTS = "no_segments"
    CONFLICTING_CALL_ROWS = "conflicting_call_rows"
    SEGMENT_TOO_LONG = "segment_too_long"
    CALL_TOO_LARGE = "call_too_large"
    FILE_VANISHED = "file_vanished"  # listed, but gone when it was read
    FILE_CHANGED = "file_changed"  # while it was read
    FILE_DUPLICATE = "file_duplicate"  # the bytes of another input file
    FILE_EMPTY = "file_empty"
    FILE_NOT_PARQUET = "file_not_parquet"
    FILE_TRUNCATED = "file_truncated"
    FILE_ENCRYPTED = "file_encrypted"
    FILE_CORRUPT = "file_corrupt"
    FILE_COLUMNS = "file_columns"  # not those that the config names, or of other types
    FILE_MEMORY = "file_memory"  # needs more than limits.file_memory_mb
    FILE_TIME = "file_time"  # takes longer than limits.file_seconds
    FILE_CRASHED = "file_crashed"  # took its reader down, or met a bug of ours: the detail says which


Stage = Literal["open", "columns", "read", "call"]


@dataclass(frozen=True, slots=True)
class Reject:
    """Input rows that are not scored, with where they are. Holds no transcript text.

    A file that cannot be read has a reject of its own with 0 rows: how many it held, nobody knows.
    """

    reason: RejectReason
    source: str  # input file, or several joined by ", "
    call_id: str | None = None
    rows: int = 1
    detail: str = ""
    stage: Stage = "call"  # what was being done

    @property
    def is_file(self) -> bool:
        """Whether a whole file is meant."""
        return self.reason.value.startswith("file_")


@dataclass(frozen=True, slots=True)
class SegmentPrediction:
    """What the model says of one segment.

    `probabilities` holds the labels of the segment's own party only, 0 to 1, calibrated, rounded to 6 decimals;
    it is empty for speaker `other` and for segments without text.
    """

    probabilities: Mapping[str, float] = field(default_factory=dict)
    labels: frozenset[str] = frozenset()
    overlap_s: float | None = None  # seconds spoken over the other party; None where unknown
    tier: Tier = "none"


@dataclass(frozen=True, slots=True)
class JudgedCall:
    """A call with one prediction per segment, in order."""

    call: Call
    predictions: tuple[SegmentPrediction, ...]


@dataclass(frozen=True, slots=True)
class Heard:
    """A judged call as scoring asks for it: by columns, each with one entry per segment, in order."""

    call_id: str
    speakers: Sequence[Speaker]
    texts: Sequence[str]
    starts_s: Sequence[float | None]
    tiers: Sequence[Tier]
    probabilities: Mapping[str, Sequence[float]]  # by label; 0 where the segment's party does not carry it
    labels: Mapping[str, frozenset[int]]  # by label, the positions of the segments that it was given to
    agent: Sequence[int]  # positions of segments with words, ascending
    customer: Sequence[int]

    def given(self, label: str) -> frozenset[int]:
        """Positions of the segments that carry the label."""
        return self.labels.get(label, NOWHERE)


@dataclass(frozen=True, slots=True)
class Tally:
    """How often something happened, out of the times it could have."""

    hits: int = 0
    chances: int = 0

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(self.hits + other.hits, self.chances + other.chances)

    def __sub__(self, other: "Tally") -> "Tally":
        return Tally(self.hits - other.hits, self.chances - other.chances)

    @property
    def rate(self) -> float | None:  # 0 to 1; None where there was no chance
        return self.hits / self.chances if self.chances else None


@dataclass(frozen=True, slots=True)
class Evidence:
    """One place in a call that a person should read."""

    segment_index: int
    label: str
    probability: float  # 0 to 1
    start_s: float | None
    quote: str
    tier: Tier = "none"


@dataclass(frozen=True, slots=True)
class BehaviourScore:
    """One behaviour in one call. `points` and `expected_points` are 0 to 1, None where there was no chance."""

    behaviour: str
    tally: Tally
    expected_hits: float  # sum of calibrated probabilities where a hit was possible
    points: float | None
    expected_points: float | None
    weight: float
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True)
class Flag:
    """A reason for a person to look at a call."""

    rule: str
    reason: str  # a sentence for a supervisor
    severity: Literal["critical", "warning", "notice"]
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True)
class CallScore:
    """A call's result. Scores are 0 to 100, None unless status is `scored`."""

    call_id: str
    status: Literal["scored", "not_applicable", "insufficient"]
    raw_score: float | None  # before critical rules
    score: float | None
    expected_score: float | None  # mean of raw_score were every behaviour given with its probability; signals are those of the labels
    band: str | None
    auto_fail: str | None  # reason of the critical rule that struck
    behaviours: tuple[BehaviourScore, ...] = ()
    flags: tuple[Flag, ...] = ()

"""What does every format give, once read: one shape for all, and one way to say no."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from re import Pattern
from typing import Any, Literal

from scorer.records import Word

Role = Literal["agent", "customer", "bot", "ivr", "unknown"]
RoleSource = Literal["field", "participants", "channel_map", "speaker_map", "unknown"]
Kind = Literal["json", "text", "table"]


class ImportReason(StrEnum):
    """Why a source is not imported: a closed list."""

    EMPTY_FILE = "empty_file"
    TOO_LARGE = "too_large"
    UNREADABLE = "unreadable"
    OUTSIDE_FOLDER = "outside_folder"  # a link that leads out of the folder or the archive
    ARCHIVE_LIMIT = "archive_limit"  # more or larger members than a folder of transcripts has
    WRONG_ENCODING = "wrong_encoding"
    BROKEN_JSON = "broken_json"
    ERROR_DOCUMENT = "error_document"  # the service says that it failed
    UNKNOWN_FORMAT = "unknown_format"
    AMBIGUOUS_FORMAT = "ambiguous_format"
    UNSUPPORTED_VERSION = "unsupported_version"
    UNEXPECTED_SHAPE = "unexpected_shape"  # the format is known, a field of it is not as documented
    BAD_TIMES = "bad_times"
    NO_SEGMENTS = "no_segments"
    ROLES_UNKNOWN = "roles_unknown"
    MONO_COPIED = "mono_copied"
    DUPLICATE_CALL = "duplicate_call"


class SourceError(Exception):
    """A source that cannot be used; becomes a reject. `detail` never holds transcript text."""

    def __init__(self, reason: ImportReason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True, slots=True)
class SourceSegment:
    """One stretch of speech as the source has it. `speaker` and `channel` are its labels: spk_0, ch_1, a name."""

    text: str
    speaker: str | None = None
    channel: str | None = None
    role: Role | None = None  # only where the source names the role on the segment itself
    start_s: float | None = None
    end_s: float | None = None
    words: tuple[Word, ...] = ()
    confidence: float | None = None  # of the recogniser, 0 to 1
    marked: bool = False  # the speaker stood in the text, and may be words of it ("Order: 12345")


def on_channels_apart(segments: Iterable[SourceSegment]) -> bool:
    """Whether the segments name more than one channel."""
    return len({segment.channel for segment in segments if segment.channel}) > 1


@dataclass(frozen=True, slots=True)
class Interruption:
    """One interruption as the source counted it."""

    by: Role
    start_s: float
    end_s: float | None = None


@dataclass(frozen=True, slots=True)
class SourceCall:
    """One call as the source has it.

    `participants` and `channels` are the source's own answers to who has which speaker label or channel.
    `apart` is true only where each party was recorded or transcribed on its own, so that overlap can be seen at all.
    """

    segments: tuple[SourceSegment, ...]
    call_id: str | None = None
    participants: Mapping[str, Role] = field(default_factory=dict)
    channels: Mapping[str, Role] = field(default_factory=dict)
    apart: bool = False
    agent_id: str | None = None
    started_at: str | None = None
    language: str | None = None
    interruptions: tuple[Interruption, ...] | None = None  # None where the source does not count them
    problem: SourceError | None = None  # why this call cannot be used, where others of its document can


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """What the user says about the sources."""

    role_map: Mapping[str, Role] = field(default_factory=dict)  # folded speaker label or channel -> role
    roles: Mapping[str, Role] = field(default_factory=dict)  # folded role name -> role, as in "Agent:" or "csr"
    speaker_pattern: Pattern[str] | None = None  # with groups `speaker` and `text`
    columns: Mapping[str, str] = field(default_factory=dict)  # of CSV and Excel: ours -> theirs
    milliseconds: bool = False  # unit of the times in CSV and Excel


@dataclass(slots=True)
class Notes:
    """What is told of the documents beside their calls, gathered while they are read."""

    rules: dict[str, str] = field(default_factory=dict)  # by format met: what it was recognised by
    left_out: Counter[str] = field(default_factory=Counter)  # by column: tables that have it


@dataclass(frozen=True, slots=True)
class Format:
    """One transcript format.

    It is recognised by the paths in `rule`, which are there in its JSON (`a.b[].c`) or, with "!" in front, are not, and by
    `fits`, which says in `looks_for` what it looks for.
    `read` yields the calls of one document: parsed JSON, decoded text, or table rows. It raises SourceError only.
    """

    name: str
    title: str
    kind: Kind
    rule: tuple[str, ...]
    read: Callable[[Any, ReadOptions], Iterator[SourceCall]]
    fits: Callable[[Any, ReadOptions], bool] | None = None
    looks_for: str = ""
    leaves_out: Callable[[Any, ReadOptions], Sequence[str]] | None = None  # names of what is there and not read, never values

    def rule_text(self) -> str:
        """The rule as it is told to people."""
        paths = ["no " + part[1:] if part.startswith("!") else part for part in self.rule]
        return ", ".join([*paths, *filter(None, [self.looks_for])])

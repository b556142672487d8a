"""How do WhisperX, faster-whisper and their kin write a call? Segments in seconds; words may lack times; one mono recording."""

from collections.abc import Iterator
from typing import Any

from scorer.importing.fields import Fields, Label, Many, Seconds, check
from scorer.importing.source import Format, ReadOptions, SourceCall, SourceSegment
from scorer.records import Word


class SpokenPart(Fields):
    word: str | None = None
    text: str | None = None
    start: Seconds | None = None
    end: Seconds | None = None


class Part(Fields):
    start: Seconds
    end: Seconds
    text: str
    speaker: Label | None = None
    words: Many[SpokenPart] | None = None


class Result(Fields):
    segments: Many[Part]
    language: str | None = None


def read(document: Any, options: ReadOptions) -> Iterator[SourceCall]:
    """The call of one result. Roles come from a speaker map; without a diariser nobody can know who spoke."""
    found = check(Result, document)
    yield SourceCall(tuple(_segment(part) for part in found.segments), language=found.language)


def _segment(part: Part) -> SourceSegment:
    words = tuple(Word((word.word or word.text or "").strip(), word.start, word.end) for word in part.words or ())
    return SourceSegment(part.text.strip(), part.speaker, start_s=part.start, end_s=part.end, words=words)


FORMAT = Format(
    "whisper",
    "WhisperX, faster-whisper",
    "json",
    ("segments[].start", "segments[].end", "segments[].text", "!speakers", "!transcript", "!call_id", "!conversation_id"),
    read,
)

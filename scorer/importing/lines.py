"""Who speaks in a line of text? Speaker marks as people and subtitle writers set them."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from scorer.config import fold
from scorer.errors import InputError
from scorer.importing.source import ReadOptions, SourceSegment

NAME = r"[^\W_][\w .'/#()-]{0,40}?"
CLOCK = r"(?:[\[(]?\d{1,2}:\d{2}(?::\d{2})?(?:[.,]\d{1,3})?[\])]?\s*(?:-\s*)?)?"  # a time before the speaker
PATTERNS = tuple(
    re.compile(CLOCK + pattern, re.DOTALL)
    for pattern in (
        rf"\*\*(?P<speaker>{NAME}):\*\*\s*(?P<text>.*)",  # **Agent:** words
        rf"\*\*(?P<speaker>{NAME})\*\*\s*:\s*(?P<text>.*)",  # **Agent**: words
        rf"\[(?P<speaker>{NAME}|[A-Z]+_\d+)\]\s*:?\s*(?P<text>.*)",  # [SPEAKER_00]: words, [CSR] words
        rf"\((?P<speaker>{NAME})\)\s*:?\s+(?P<text>.*)",  # (Agent) words
        rf"(?P<speaker>{NAME}|[A-Za-z]+_\d+)\s*:(?=\s)\s*(?P<text>.*)",  # Agent: words
    )
)


@dataclass(frozen=True, slots=True)
class Line:
    """A line or a cue, with the speaker where one is marked."""

    text: str
    speaker: str | None = None
    start_s: float | None = None
    end_s: float | None = None


def compiled(pattern: str | None) -> re.Pattern[str] | None:
    """The user's pattern. Raises InputError where it is none, or lacks the groups."""
    if pattern is None:
        return None
    try:
        found = re.compile(pattern, re.DOTALL)
    except re.error as error:
        raise InputError(f"--speaker-pattern: not a regular expression (at {error.pos}): mend it") from error
    if {"speaker", "text"} - set(found.groupindex):
        raise InputError("--speaker-pattern: name both parts, as in '(?P<speaker>\\w+)> (?P<text>.*)'")
    return found


def marked(lines: Sequence[Line], options: ReadOptions) -> list[Line]:
    """The lines, with the speakers taken off their texts.

    A mark that stands once and names no known role is part of a sentence ("The thing is: ..."), not a speaker.
    """
    patterns = (options.speaker_pattern,) if options.speaker_pattern else PATTERNS
    found = [line if line.speaker else _mark(line, patterns) for line in lines]
    counts = Counter(line.speaker for line in found)
    known = options.roles.keys() | options.role_map.keys()
    return [new if counts[new.speaker] > 1 or fold(new.speaker or "") in known else old for new, old in zip(found, lines, strict=True)]


def _mark(line: Line, patterns: Sequence[re.Pattern[str]]) -> Line:
    for pattern in patterns:
        found = pattern.fullmatch(line.text.strip())
        if found:
            return replace(line, speaker=(found["speaker"] or "").strip() or None, text=(found["text"] or "").strip())
    return line


def segments_of(lines: Iterable[Line]) -> Iterator[SourceSegment]:
    """One segment per line; a line without a speaker goes on with the one before."""
    speaker: str | None = None
    for line in lines:
        speaker = line.speaker or speaker
        if line.text.strip():
            yield SourceSegment(line.text.strip(), speaker, start_s=line.start_s, end_s=line.end_s)

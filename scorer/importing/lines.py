"""Who speaks in a line of text? Speaker marks as people and subtitle writers set them."""

import re
from collections import Counter
from collections.abc import Collection, Container, Iterable, Iterator, Sequence
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
DASH = re.compile(r"\s*[-\u2013\u2014]\s*(?=[^\W\d]|[\[(*])")  # another speaker in a cue; not a number below zero


@dataclass(frozen=True, slots=True)
class Line:
    """A line or a cue, with the speaker where one is marked."""

    text: str
    speaker: str | None = None
    start_s: float | None = None
    end_s: float | None = None
    marked: bool = False  # the speaker was part of the text


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
    """The lines, with the speakers taken off their texts; a cue with several speakers becomes several lines, which share its time.

    A mark that stands once and names no known role is part of a sentence ("The thing is: ..."), not a speaker, and so is one that
    never stands at the beginning of a cue.
    """
    known = options.roles.keys() | options.role_map.keys()
    patterns = (options.speaker_pattern,) if options.speaker_pattern else (*PATTERNS, _without_a_space(known))
    found = [[line.speaker] if line.speaker else _names(line, patterns) for line in lines]
    counts = Counter(name for names in found for name in names)
    often = {names[0] for names in found if counts[names[0]] > 1}
    speakers = {name for name in counts if name and (name in often or fold(name) in known)}
    return [piece for line, names in zip(lines, found, strict=True) for piece in _pieces(line, names, speakers, patterns)]


def _without_a_space(known: Collection[str]) -> re.Pattern[str]:
    """`Agent:words`, of names that are known alone: else it would be `mailto:` and `Plan:Basic`, too."""
    names = "|".join(re.escape(name) for name in sorted(known)) or r"(?!)"
    return re.compile(rf"{CLOCK}(?P<speaker>{names}):(?=[^\W\d_])(?P<text>.*)", re.DOTALL | re.IGNORECASE)


def segments_of(lines: Iterable[Line]) -> Iterator[SourceSegment]:
    """One segment per line; a line without a speaker goes on with the one before."""
    speaker: str | None = None
    for line in lines:
        speaker = line.speaker if line.speaker is not None else speaker
        if line.text.strip():
            yield SourceSegment(line.text.strip(), speaker or None, start_s=line.start_s, end_s=line.end_s, marked=line.marked)


def _names(line: Line, patterns: Sequence[re.Pattern[str]]) -> list[str | None]:
    """Who is marked at the beginning of each line of a text; what is said may begin on the line after the mark."""
    texts = line.text.splitlines() or [""]
    return [_mark(Line("\n".join(texts[at : at + 2])), patterns).speaker for at in range(len(texts))]


def _mark(line: Line, patterns: Sequence[re.Pattern[str]]) -> Line:
    text = line.text.strip()
    for pattern in patterns:
        found = pattern.fullmatch(text) or pattern.fullmatch(DASH.sub("", text, count=1))
        if found:
            return replace(line, speaker=(found["speaker"] or "").strip() or None, text=(found["text"] or "").strip(), marked=True)
    return line


def _pieces(line: Line, names: Sequence[str | None], speakers: Container[str | None], patterns: Sequence[re.Pattern[str]]) -> list[Line]:
    """A line for each who speaks; one that only a dash opens is by nobody known (an empty name)."""
    if line.speaker:
        return [line]
    texts = line.text.splitlines() or [""]
    opened = [at for at, name in enumerate(names) if at == 0 or name in speakers or DASH.match(texts[at])]
    pieces = [replace(line, text="\n".join(texts[at:end])) for at, end in zip(opened, [*opened[1:], len(texts)], strict=True)]
    found = []
    for piece in pieces:
        new, dash = _mark(piece, patterns), DASH.match(piece.text)
        if new.speaker in speakers:
            found.append(new)
        else:
            found.append(replace(piece, text=piece.text[dash.end() :], speaker="") if dash and len(pieces) > 1 else piece)
    return list(_in_turn(line, found))


def _in_turn(line: Line, pieces: Sequence[Line]) -> Iterator[Line]:
    """The pieces, one after the other in the time of their line, as long as their texts are."""
    if line.start_s is None or line.end_s is None:
        yield from pieces
        return
    step = (line.end_s - line.start_s) / max(1, sum(len(piece.text) for piece in pieces))
    start = line.start_s
    for piece in pieces:
        end = start + step * len(piece.text)
        yield replace(piece, start_s=start, end_s=min(end, line.end_s))
        start = min(end, line.end_s)

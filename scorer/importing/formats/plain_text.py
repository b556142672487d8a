"""How do people write down a call? `Agent: words`, a line each, or the same in Markdown."""

from collections.abc import Iterator

from scorer.importing.lines import Line, marked, segments_of
from scorer.importing.source import Format, ReadOptions, SourceCall

MARKED_SHARE = 0.3  # of the lines; speakers may go on over several


def read(text: str, options: ReadOptions) -> Iterator[SourceCall]:
    """The call of one text. Lines before the first speaker, such as a title, are not speech."""
    lines = _lines(text, options)
    first = next((at for at, line in enumerate(lines) if line.speaker), len(lines))
    yield SourceCall(tuple(segments_of(lines[first:])))


def reads_as_dialogue(text: str, options: ReadOptions) -> bool:
    """Whether enough lines begin with a speaker, and there are two speakers or more but not one per line."""
    lines = _lines(text, options)
    speakers = [line.speaker for line in lines if line.speaker]
    return len(speakers) >= MARKED_SHARE * len(lines) and 2 <= len(set(speakers)) <= max(2, len(speakers) // 2)


def _lines(text: str, options: ReadOptions) -> list[Line]:
    """The lines that may be speech, with their speakers; headings and rules are none."""
    lines = (line.strip().removeprefix("- ").removeprefix("> ") for line in text.splitlines())
    return marked([Line(line) for line in lines if line and not line.startswith("#") and set(line) - set("-*_= ")], options)


def _fits(text: str, options: ReadOptions) -> bool:
    return "-->" not in text and reads_as_dialogue(text, options)


FORMAT = Format("plain_text", "plain text, Markdown", "text", (), read, _fits, "lines that begin with a speaker")

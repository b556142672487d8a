"""How does an SRT file hold a call? Numbered cues with the speaker in front of the words, sometimes only when it changes."""

import re
from collections.abc import Iterator

from scorer.importing.formats.webvtt import cues, seconds, without_tags
from scorer.importing.lines import Line, marked, segments_of
from scorer.importing.source import Format, ImportReason, ReadOptions, SourceCall, SourceError

FIRST_CUE = re.compile(r"\s*\d+[ \t]*\r?\n\d{1,3}:\d{2}:\d{2},\d{3} --> ", re.ASCII)
CUE = re.compile(r"^[ \t]*\d+:\d{1,2}:\d{1,2}[,.]\d+[ \t]*-->.*\n[ \t]*\S", re.ASCII | re.MULTILINE)  # with words


def read(text: str, options: ReadOptions) -> Iterator[SourceCall]:
    """The call of one file. Cues are for display, cut and padded: their times order the call, and show no overlap."""
    found, written = cues(text, "srt"), len(CUE.findall(text))
    if len(found) < written:  # the library skips them
        raise SourceError(ImportReason.UNEXPECTED_SHAPE, f"{written - len(found)} of {written} cues have no number: export it again")
    lines = [Line(without_tags(cue.raw_text), None, seconds(cue.start), seconds(cue.end)) for cue in found]
    yield SourceCall(tuple(segments_of(marked(lines, options))))


def _fits(text: str, options: ReadOptions) -> bool:
    return bool(FIRST_CUE.match(text))


FORMAT = Format("srt", "SRT", "text", (), read, _fits, "a number, then a line of two times")

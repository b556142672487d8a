"""How does an SRT file hold a call? Numbered cues with the speaker in front of the words, sometimes only when it changes."""

import re
from collections.abc import Iterator

from scorer.importing.formats.webvtt import cues, seconds
from scorer.importing.lines import Line, marked, segments_of
from scorer.importing.source import Format, ReadOptions, SourceCall

FIRST_CUE = re.compile(r"\s*\d+[ \t]*\r?\n\d{1,3}:\d{2}:\d{2},\d{3} --> ", re.ASCII)


def read(text: str, options: ReadOptions) -> Iterator[SourceCall]:
    """The call of one file. Cues are for display, cut and padded: their times order the call, and show no overlap."""
    lines = [Line(cue.text, None, seconds(cue.start), seconds(cue.end)) for cue in cues(text, "srt")]
    yield SourceCall(tuple(segments_of(marked(lines, options))))


def _fits(text: str, options: ReadOptions) -> bool:
    return bool(FIRST_CUE.match(text))


FORMAT = Format("srt", "SRT", "text", (), read, _fits, "a number, then a line of two times")

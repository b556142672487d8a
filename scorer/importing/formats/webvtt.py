"""How does a WebVTT file hold a call? Cues with a voice each, or with the speaker in front of the words."""

import html
import io
import re
from collections.abc import Iterator

from webvtt import WebVTT
from webvtt.errors import MalformedCaptionError, MalformedFileError
from webvtt.models import Caption

from scorer.importing.lines import Line, marked, segments_of
from scorer.importing.source import Format, ImportReason, ReadOptions, SourceCall, SourceError

VOICE = re.compile(r"<v(?:\.[\w.-]+)?[ \t]+([^>\n]{1,80})>")
BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
NAMES = "[bcipsuv]|em|strong|span|font|small|rt|ruby|lang"  # of WebVTT, and of HTML as it is met in subtitles; and not <PERSON>
TAG = re.compile(rf"</?(?:{NAMES})(?:[.\s][^<>]{{0,80}})?/?>|<[\d:.]{{1,20}}>|</>", re.IGNORECASE)


def read(text: str, options: ReadOptions) -> Iterator[SourceCall]:
    """The call of one file. Cues are for display, cut and padded: their times order the call, and show no overlap."""
    lines = [line for cue in cues(text, "vtt") for line in _voices(cue)]
    yield SourceCall(tuple(segments_of(marked(lines, options))))


def cues(text: str, kind: str) -> list[Caption]:
    """The cues of a subtitle file. Raises SourceError."""
    try:
        found: list[Caption] = WebVTT.from_buffer(io.StringIO(text), format=kind, strict=True).captions
        if any(seconds(cue.end) < seconds(cue.start) for cue in found):
            raise SourceError(ImportReason.BAD_TIMES, "a cue ends before it starts")
        return found
    except MalformedCaptionError as error:
        raise SourceError(ImportReason.BAD_TIMES, "a cue with a time that is none") from error
    except (MalformedFileError, ValueError, IndexError) as error:
        raise SourceError(ImportReason.UNEXPECTED_SHAPE, "cut off, or not built of cues: export it again") from error


def seconds(clock: str) -> float:
    """`00:01:02.500` in seconds; the library's own are whole."""
    hours, minutes, rest = clock.split(":")
    return int(hours) * 3600 + int(minutes) * 60 + float(rest)


def without_tags(text: str) -> str:
    """The words of a cue."""
    return TAG.sub("", BREAK.sub(" ", text))


def _voices(cue: Caption) -> Iterator[Line]:
    """What each voice of the cue says."""
    head, *voices = VOICE.split(cue.raw_text)
    for text, speaker in [(head, None), *zip(voices[1::2], voices[::2], strict=True)]:
        yield Line(html.unescape(without_tags(text)).strip(), speaker, seconds(cue.start), seconds(cue.end))


def _fits(text: str, options: ReadOptions) -> bool:
    return text.lstrip().startswith("WEBVTT")


FORMAT = Format("webvtt", "WebVTT", "text", (), read, _fits, "WEBVTT in the first line")

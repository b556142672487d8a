"""How does Azure's batch transcription write a call? Phrases by channel or speaker, in ticks of 100 ns."""

from collections.abc import Iterator
from typing import Any

from scorer.importing.fields import Channel, Fields, IsoDuration, Label, Many, Millis, Share, Ticks, check
from scorer.importing.source import Format, ImportReason, ReadOptions, SourceCall, SourceError, SourceSegment
from scorer.records import Word


class Timed(Fields):
    """Milliseconds before ticks before ISO 8601, whichever the version of the service writes."""

    offsetMilliseconds: Millis | None = None
    durationMilliseconds: Millis | None = None
    offsetInTicks: Ticks | None = None
    durationInTicks: Ticks | None = None
    offset: IsoDuration | None = None
    duration: IsoDuration | None = None

    def times(self) -> tuple[float | None, float | None]:
        start = next((t for t in (self.offsetMilliseconds, self.offsetInTicks, self.offset) if t is not None), None)
        length = next((t for t in (self.durationMilliseconds, self.durationInTicks, self.duration) if t is not None), None)
        return start, None if start is None or length is None else start + length


class SpokenPart(Timed):
    word: str


class Reading(Fields):
    confidence: Share | None = None
    display: str | None = None
    lexical: str = ""
    words: Many[SpokenPart] | None = None
    displayWords: Any = None


class Phrase(Timed):
    recognitionStatus: str
    channel: Channel | None = None
    speaker: Label | None = None
    locale: str | None = None
    nBest: Many[Reading] = ()


class Result(Fields):
    timestamp: str | None = None
    recognizedPhrases: Many[Phrase]


def read(document: Any, options: ReadOptions) -> Iterator[SourceCall]:
    """The call of one result file; phrases that were not recognised hold no words and are left out."""
    found = check(Result, document)
    spoken = [phrase for phrase in found.recognizedPhrases if phrase.recognitionStatus == "Success"]
    channels = {phrase.channel for phrase in spoken if phrase.channel}
    if len(channels) > 1 and any(phrase.speaker for phrase in spoken):
        raise SourceError(ImportReason.UNEXPECTED_SHAPE, "channels and speakers at once: transcribe the channels without diarization")
    apart = len(channels) > 1
    yield SourceCall(
        tuple(_segment(phrase, apart) for phrase in spoken),
        apart=apart,
        started_at=None,  # its timestamp is that of the transcription
        language=next((phrase.locale for phrase in spoken if phrase.locale), None),
    )


def _segment(phrase: Phrase, apart: bool) -> SourceSegment:
    best = phrase.nBest[0] if phrase.nBest else Reading()
    start, end = phrase.times()
    return SourceSegment(
        best.display or best.lexical,
        None if apart else phrase.speaker,
        phrase.channel,
        start_s=start,
        end_s=end,
        words=tuple(Word(word.word, *word.times()) for word in best.words or ()),
        confidence=best.confidence,
    )


FORMAT = Format("azure_batch", "Azure batch transcription", "json", ("recognizedPhrases[].recognitionStatus",), read)

"""How does AssemblyAI write a call? Utterances of speakers A, B or channels "1", "2", in milliseconds."""

from collections.abc import Iterator
from typing import Any

from scorer.importing.fields import Channel, Fields, Label, Many, Millis, Share, check
from scorer.importing.source import Format, ImportReason, ReadOptions, SourceCall, SourceError, SourceSegment
from scorer.importing.spoken import SpokenWord, segments_from
from scorer.records import Word


class SpokenPart(Fields):
    text: str
    start: Millis
    end: Millis
    confidence: Share | None = None
    speaker: Label | None = None


class Utterance(Fields):
    speaker: Label | None = None
    channel: Channel | None = None
    start: Millis
    end: Millis
    text: str
    confidence: Share | None = None
    words: Many[SpokenPart] = ()


class Transcript(Fields):
    id: str | None = None
    status: str
    language_code: str | None = None
    dual_channel: bool | None = None
    multichannel: bool | None = None
    utterances: Many[Utterance] | None = None
    words: Many[SpokenPart] | None = None


def read(document: Any, options: ReadOptions) -> Iterator[SourceCall]:
    """The call of one transcript that is completed."""
    found = check(Transcript, document)
    if found.status != "completed":
        raise SourceError(ImportReason.ERROR_DOCUMENT, "a transcript whose status is not completed")
    apart = bool(found.multichannel or found.dual_channel)
    yield SourceCall(
        tuple(_uttered(found, apart) if found.utterances else _from_words(found)),
        call_id=found.id,
        apart=apart and len({item.channel or item.speaker for item in found.utterances or ()}) > 1,
        language=found.language_code,
    )


def _uttered(found: Transcript, apart: bool) -> Iterator[SourceSegment]:
    for item in found.utterances or ():
        words = tuple(Word(word.text, word.start, word.end) for word in item.words)
        speaker, channel = (None, item.channel or f"ch_{item.speaker}") if apart else (item.speaker, None)
        yield SourceSegment(item.text, speaker, channel, start_s=item.start, end_s=item.end, words=words, confidence=item.confidence)


def _from_words(found: Transcript) -> Iterator[SourceSegment]:
    return segments_from(SpokenWord(w.text, w.speaker, None, w.start, w.end, w.confidence) for w in found.words or ())


FORMAT = Format("assemblyai", "AssemblyAI", "json", ("id", "status", "audio_url", "!results"), read)

"""How does Deepgram write a call? Channels of words in seconds, utterances where they were asked for."""

from collections.abc import Iterator
from typing import Any

from scorer.importing.fields import Channel, Fields, Label, Many, Seconds, Share, check
from scorer.importing.source import Format, ImportReason, ReadOptions, SourceCall, SourceError, SourceSegment
from scorer.importing.spoken import SpokenWord, by_pause, segments_from
from scorer.records import Word


class SpokenPart(Fields):
    word: str
    punctuated_word: str | None = None
    start: Seconds
    end: Seconds
    confidence: Share | None = None
    speaker: Label | None = None


class Alternative(Fields):
    words: Many[SpokenPart] = ()
    transcript: str = ""


class ChannelResult(Fields):
    alternatives: Many[Alternative]
    detected_language: str | None = None


class Utterance(Fields):
    start: Seconds
    end: Seconds
    channel: Channel | None = None
    speaker: Label | None = None
    confidence: Share | None = None
    transcript: str
    words: Many[SpokenPart] = ()


class Results(Fields):
    channels: Many[ChannelResult]
    utterances: Many[Utterance] | None = None


class Metadata(Fields):
    request_id: str | None = None


class Response(Fields):
    metadata: Metadata | None = None
    results: Results


def read(document: Any, options: ReadOptions) -> Iterator[SourceCall]:
    """The call of one response: by utterances where it has them, else by words."""
    response = check(Response, document)
    found = response.results
    apart = len(found.channels) > 1
    about = response.metadata or Metadata()
    yield SourceCall(
        tuple(_uttered(found, apart) if found.utterances else _from_words(found, apart)),
        call_id=about.request_id,
        apart=apart,
        started_at=None,  # its "created" is that of the transcription
        language=next((channel.detected_language for channel in found.channels if channel.detected_language), None),
    )


def _uttered(found: Results, apart: bool) -> Iterator[SourceSegment]:
    """One segment per utterance; with several channels, the speaker numbers start anew in each and say nothing."""
    for item in found.utterances or ():
        words = tuple(Word(word.punctuated_word or word.word, word.start, word.end) for word in item.words)
        speaker, channel = (None, item.channel) if apart else (item.speaker, None)
        yield SourceSegment(item.transcript, speaker, channel, start_s=item.start, end_s=item.end, words=words, confidence=item.confidence)


def _from_words(found: Results, apart: bool) -> list[SourceSegment]:
    words = [word for number, channel in enumerate(found.channels) for word in _words(channel, f"ch_{number}" if apart else None)]
    return by_pause(words) if apart else list(segments_from(words))


def _words(channel: ChannelResult, label: str | None) -> Iterator[SpokenWord]:
    best = channel.alternatives[0] if channel.alternatives else Alternative()
    if best.transcript and not best.words:
        raise SourceError(ImportReason.ROLES_UNKNOWN, "one text without words: ask for words and diarize or multichannel")
    for word in best.words:
        speaker = None if label else word.speaker
        yield SpokenWord(word.punctuated_word or word.word, speaker, label, word.start, word.end, word.confidence)


FORMAT = Format("deepgram", "Deepgram", "json", ("results.channels[].alternatives[].transcript",), read)

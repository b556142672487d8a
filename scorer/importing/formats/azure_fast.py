"""How does Azure's fast transcription write a call? Phrases by channel or speaker, in milliseconds."""

from collections.abc import Iterator
from typing import Any

from pydantic import AliasChoices, Field

from scorer.importing.fields import Channel, Fields, Label, Many, Millis, Share, check
from scorer.importing.source import Format, ReadOptions, SourceCall, SourceSegment
from scorer.records import Word

OFFSET = AliasChoices("offsetMilliseconds", "offsetInMs")  # the service, and its client libraries
DURATION = AliasChoices("durationMilliseconds", "durationInMs")


class SpokenPart(Fields):
    text: str
    offset: Millis = Field(validation_alias=OFFSET)
    duration: Millis = Field(validation_alias=DURATION)


class Phrase(Fields):
    text: str
    channel: Channel | None = None
    speaker: Label | None = None
    locale: str | None = None
    confidence: Share | None = None
    offset: Millis = Field(validation_alias=OFFSET)
    duration: Millis = Field(validation_alias=DURATION)
    words: Many[SpokenPart] = ()


class Result(Fields):
    phrases: Many[Phrase]


def read(document: Any, options: ReadOptions) -> Iterator[SourceCall]:
    """The call of one response."""
    phrases = check(Result, document).phrases
    apart = len({phrase.channel for phrase in phrases if phrase.channel}) > 1
    yield SourceCall(
        tuple(_segment(phrase, apart) for phrase in phrases),
        apart=apart,
        language=next((phrase.locale for phrase in phrases if phrase.locale), None),
    )


def _segment(phrase: Phrase, apart: bool) -> SourceSegment:
    words = tuple(Word(word.text, word.offset, word.offset + word.duration) for word in phrase.words)
    return SourceSegment(
        phrase.text,
        None if apart else phrase.speaker,
        phrase.channel,
        start_s=phrase.offset,
        end_s=phrase.offset + phrase.duration,
        words=words,
        confidence=phrase.confidence,
    )


FORMAT = Format("azure_fast", "Azure fast transcription", "json", ("combinedPhrases", "phrases[].text"), read)

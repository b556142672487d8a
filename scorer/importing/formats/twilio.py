"""How does Twilio's Voice Intelligence give a call? Sentences by channel, in seconds, mostly as strings."""

from collections.abc import Iterator
from typing import Any

from pydantic import AliasChoices, Field

from scorer.config import fold
from scorer.importing.fields import Channel, Fields, Many, Seconds, WrittenSeconds, WrittenShare, check
from scorer.importing.source import Format, ImportReason, ReadOptions, Role, SourceCall, SourceError, SourceSegment
from scorer.records import Word

ROLES: dict[str, Role] = {"human_agent": "agent", "ai_agent": "bot"}  # beside the names that every format may use
START = AliasChoices("start_time", "startTime")  # the service, and its client libraries
END = AliasChoices("end_time", "endTime")


class SpokenPart(Fields):
    word: str
    start: WrittenSeconds | Seconds | None = Field(default=None, validation_alias=START)
    end: WrittenSeconds | Seconds | None = Field(default=None, validation_alias=END)


class Sentence(Fields):
    transcript: str
    channel: Channel = Field(validation_alias=AliasChoices("media_channel", "mediaChannel"))
    start: WrittenSeconds | Seconds | None = Field(default=None, validation_alias=START)
    end: WrittenSeconds | Seconds | None = Field(default=None, validation_alias=END)
    confidence: WrittenShare | None = None
    words: Many[SpokenPart] | None = None
    transcript_sid: str | None = None


class Participant(Fields):
    channel_participant: Channel
    role: str | None = None


class Channels(Fields):
    participants: Many[Participant] = ()


OTHER_PAGES = ("previous_page_url", "previousPageUrl", "next_page_url", "nextPageUrl")


class Sentences(Fields):
    meta: Any = None  # of the page, where there are several
    sid: str | None = None  # of the transcript, where the sentences were put beside its fields
    channel: Channels | None = None
    sentences: Many[Sentence]


def read(document: Any, options: ReadOptions) -> Iterator[SourceCall]:
    """The call of one list of sentences. Roles come from the transcript's `channel.participants`, or from a channel map."""
    found = check(Sentences, document)
    if _is_one_page(found):
        raise SourceError(ImportReason.UNEXPECTED_SHAPE, "one page of several: put the sentences of all pages into one list")
    names = ROLES | dict(options.roles)
    participants = found.channel.participants if found.channel else ()
    channels: dict[str, Role] = {p.channel_participant: names.get(fold(p.role or ""), "unknown") for p in participants}
    yield SourceCall(
        tuple(_segment(sentence) for sentence in found.sentences),
        call_id=found.sid or next((s.transcript_sid for s in found.sentences if s.transcript_sid), None),
        channels={channel: role for channel, role in channels.items() if role != "unknown"},
        apart=len({sentence.channel for sentence in found.sentences}) > 1,
    )


def _is_one_page(found: Sentences) -> bool:
    """Whether there are other pages that were not put into this list."""
    meta = found.meta if isinstance(found.meta, dict) else {}
    size = meta.get("page_size", meta.get("pageSize"))
    return any(meta.get(name) for name in OTHER_PAGES) and not (isinstance(size, int) and len(found.sentences) > size)


def _segment(sentence: Sentence) -> SourceSegment:
    words = tuple(Word(word.word, word.start, word.end) for word in sentence.words or ())
    return SourceSegment(
        sentence.transcript,
        channel=sentence.channel,
        start_s=sentence.start,
        end_s=sentence.end,
        words=words,
        confidence=sentence.confidence,
    )


def _is_twilio(document: Any, options: ReadOptions) -> bool:
    first = document["sentences"][0]
    return "media_channel" in first or "mediaChannel" in first


FORMAT = Format("twilio", "Twilio Voice Intelligence", "json", ("sentences[].transcript",), read, _is_twilio, "media_channel")

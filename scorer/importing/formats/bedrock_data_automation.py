"""How does Amazon Bedrock Data Automation write a call? Segments with speaker and channel, items for words, milliseconds."""

from collections.abc import Iterator, Mapping
from typing import Any

from scorer.importing.fields import Channel, Fields, Label, Many, Millis, check
from scorer.importing.source import Format, ReadOptions, SourceCall, SourceSegment
from scorer.importing.spoken import SpokenWord, segments_from


class Metadata(Fields):
    number_of_channels: int | None = None


class Item(Fields):
    item_index: int
    content: str
    start_timestamp_millis: Millis | None = None
    end_timestamp_millis: Millis | None = None

    def word(self) -> SpokenWord:
        times = self.start_timestamp_millis, self.end_timestamp_millis
        return SpokenWord(self.content, None, None, *times, joined=times == (None, None))


class SpeakerOf(Fields):
    speaker_label: Label


class ChannelOf(Fields):
    channel_label: Channel


class Part(Fields):
    type: str
    text: str
    start_timestamp_millis: Millis
    end_timestamp_millis: Millis
    speaker: SpeakerOf | None = None
    channel: ChannelOf | None = None
    audio_item_indices: Many[int] = ()
    language: str | None = None


class Result(Fields):
    metadata: Metadata
    audio_items: Many[Item] = ()
    audio_segments: Many[Part]


def read(document: Any, options: ReadOptions) -> Iterator[SourceCall]:
    """The call of one standard output; asset ids are all alike, so the file's name is the call_id."""
    result = check(Result, document)
    items = {item.item_index: item for item in result.audio_items}
    spoken = [part for part in result.audio_segments if part.type == "TRANSCRIPT"]
    channels = {part.channel.channel_label for part in spoken if part.channel}
    yield SourceCall(
        tuple(_segment(part, items) for part in spoken),
        apart=len(channels) > 1 and (result.metadata.number_of_channels or 0) > 1,
        language=next((part.language for part in spoken if part.language), None),
    )


def _segment(part: Part, items: Mapping[int, Item]) -> SourceSegment:
    found = segments_from(items[index].word() for index in part.audio_item_indices if index in items)
    return SourceSegment(
        part.text,
        part.speaker.speaker_label if part.speaker else None,
        part.channel.channel_label if part.channel else None,
        start_s=part.start_timestamp_millis,
        end_s=part.end_timestamp_millis,
        words=tuple(word for run in found for word in run.words),
    )


FORMAT = Format(
    "bedrock_data_automation",
    "Amazon Bedrock Data Automation",
    "json",
    ("metadata", "audio_segments[].start_timestamp_millis"),
    read,
)

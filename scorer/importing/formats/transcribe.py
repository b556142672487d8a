"""How does Amazon Transcribe write a call? Single words with times as strings; who spoke is a list of its own."""

from collections.abc import Iterator
from typing import Any, Literal

from scorer.importing.fields import Channel, Fields, Label, Many, WrittenSeconds, WrittenShare, check
from scorer.importing.source import Format, ImportReason, ReadOptions, SourceCall, SourceError
from scorer.importing.spoken import SpokenWord, by_pause, segments_from


class Alternative(Fields):
    content: str
    confidence: WrittenShare | None = None


class Item(Fields):
    type: Literal["pronunciation", "punctuation"]
    alternatives: Many[Alternative]
    start_time: WrittenSeconds | None = None
    end_time: WrittenSeconds | None = None
    speaker_label: Label | None = None

    def word(self, speaker: str | None, channel: str | None) -> SpokenWord:
        if not self.alternatives:
            raise SourceError(ImportReason.UNEXPECTED_SHAPE, "an item without alternatives")
        best, joined = self.alternatives[0], self.type == "punctuation"
        return SpokenWord(best.content, speaker, channel, self.start_time, self.end_time, None if joined else best.confidence, joined)


class ChannelItems(Fields):
    channel_label: Channel
    items: Many[Item]


class Channels(Fields):
    channels: Many[ChannelItems]


class SpokenItem(Fields):
    start_time: WrittenSeconds
    speaker_label: Label


class SpeakerSegment(Fields):
    items: Many[SpokenItem] = ()


class Speakers(Fields):
    segments: Many[SpeakerSegment]


class Results(Fields):
    items: Many[Item] = ()
    channel_labels: Channels | None = None
    speaker_labels: Speakers | None = None
    language_code: str | None = None


class Job(Fields):
    jobName: str | None = None
    results: Results


def read(document: Any, options: ReadOptions) -> Iterator[SourceCall]:
    """The call of one job, by channel where it has channels, else by speaker."""
    job = check(Job, document)
    found = job.results
    if found.channel_labels:
        words = [item.word(None, channel.channel_label) for channel in found.channel_labels.channels for item in channel.items]
        segments = by_pause(words)
    else:
        segments = list(segments_from(_by_speaker(found)))
    yield SourceCall(tuple(segments), call_id=job.jobName, apart=found.channel_labels is not None, language=found.language_code)


def _by_speaker(found: Results) -> Iterator[SpokenWord]:
    """The words with the speaker that stands on them, or in the list of speakers at the same time."""
    spans = found.speaker_labels.segments if found.speaker_labels else ()
    speakers = {item.start_time: item.speaker_label for span in spans for item in span.items}
    last: str | None = None
    for item in found.items:
        last = item.speaker_label or (speakers.get(item.start_time) if item.start_time is not None else last)
        yield item.word(last, None)


FORMAT = Format("transcribe", "Amazon Transcribe", "json", ("results.transcripts", "results.items[].alternatives[].content"), read)

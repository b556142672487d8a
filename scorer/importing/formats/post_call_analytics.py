"""How does Amazon's Post Call Analytics write a call? Segments with a speaker each, in seconds, and a list of who is who."""

from collections.abc import Iterator
from typing import Any

from scorer.config import fold
from scorer.importing.fields import Fields, Many, Seconds, Share, check
from scorer.importing.source import Format, Interruption, ReadOptions, Role, SourceCall, SourceSegment
from scorer.importing.spoken import mean_of
from scorer.records import Word


class SpeakerLabel(Fields):
    Speaker: str
    DisplayText: str


class JobDetails(Fields):
    ChannelIdentification: int | bool | None = None


class Source(Fields):
    TranscribeJobInfo: JobDetails | None = None


class Analytics(Fields):
    GUID: str | None = None
    Agent: str | None = None
    ConversationTime: str | None = None
    LanguageCode: str | None = None
    SpeakerLabels: Many[SpeakerLabel] = ()
    SourceInformation: Many[Source] = ()


class SpokenPart(Fields):
    Text: str
    Confidence: Share | None = None
    StartTime: Seconds | None = None
    EndTime: Seconds | None = None


class Part(Fields):
    SegmentStartTime: Seconds
    SegmentEndTime: Seconds
    SegmentSpeaker: str
    SegmentInterruption: bool | None = None
    IVRSegment: bool | None = None
    OriginalText: str | None = None
    DisplayText: str
    WordConfidence: Many[SpokenPart] = ()


class Call(Fields):
    ConversationAnalytics: Analytics
    SpeechSegments: Many[Part]


def read(document: Any, options: ReadOptions) -> Iterator[SourceCall]:
    """The call of one result file. DisplayText of a speaker such as "Agent" is its role."""
    call = check(Call, document)
    about = call.ConversationAnalytics
    roles: dict[str, Role] = {s.Speaker: options.roles.get(fold(s.DisplayText), "unknown") for s in about.SpeakerLabels}
    yield SourceCall(
        tuple(_segment(part) for part in call.SpeechSegments),
        call_id=_given(about.GUID),
        participants=roles,
        apart=any(s.TranscribeJobInfo and s.TranscribeJobInfo.ChannelIdentification for s in about.SourceInformation),
        agent_id=_given(about.Agent),
        started_at=_given(about.ConversationTime),
        language=about.LanguageCode,
        interruptions=_counted(call, roles),
    )


def _segment(part: Part) -> SourceSegment:
    words = tuple(Word(word.Text.strip(), word.StartTime, word.EndTime) for word in part.WordConfidence)
    return SourceSegment(
        part.OriginalText or part.DisplayText,  # DisplayText may hold markup
        part.SegmentSpeaker,
        role="ivr" if part.IVRSegment else None,
        start_s=part.SegmentStartTime,
        end_s=part.SegmentEndTime,
        words=words,
        confidence=mean_of([word.Confidence for word in part.WordConfidence]),
    )


def _counted(call: Call, roles: dict[str, Role]) -> tuple[Interruption, ...] | None:
    if all(part.SegmentInterruption is None for part in call.SpeechSegments):
        return None
    cut_in = [part for part in call.SpeechSegments if part.SegmentInterruption]
    return tuple(Interruption(roles.get(p.SegmentSpeaker, "unknown"), p.SegmentStartTime, p.SegmentEndTime) for p in cut_in)


def _given(text: str | None) -> str | None:
    return None if text in (None, "", "None") else text


FORMAT = Format(
    "post_call_analytics",
    "Amazon Post Call Analytics",
    "json",
    ("ConversationAnalytics", "SpeechSegments[].SegmentSpeaker"),
    read,
)

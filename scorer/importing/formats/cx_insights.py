"""How does the API of Google CX Insights give a call? Segments with a participant, words with offsets such as "1.200s"."""

from collections.abc import Iterator, Mapping
from typing import Any

from scorer.importing.fields import Fields, Many, Share, WrittenSeconds, check
from scorer.importing.source import Format, Interruption, ReadOptions, Role, SourceCall, SourceSegment
from scorer.records import Word

ROLES: Mapping[str, Role] = {"HUMAN_AGENT": "agent", "AUTOMATED_AGENT": "bot", "END_USER": "customer"}


class SpokenPart(Fields):
    word: str
    startOffset: WrittenSeconds | None = None
    endOffset: WrittenSeconds | None = None


class Participant(Fields):
    role: str | None = None
    userId: str | None = None


class Part(Fields):
    text: str = ""
    confidence: Share | None = None
    languageCode: str | None = None
    channelTag: int = 0
    segmentParticipant: Participant | None = None
    words: Many[SpokenPart] = ()


class Transcript(Fields):
    transcriptSegments: Many[Part]


class Metadata(Fields):
    agentChannel: int | None = None
    customerChannel: int | None = None


class Boundary(Fields):
    transcriptIndex: int = 0


class Annotation(Fields):
    channelTag: int = 0
    annotationStartBoundary: Boundary | None = None
    interruptionData: dict[str, Any] | None = None


class CallAnalysis(Fields):
    annotations: Many[Annotation] = ()


class AnalysisResult(Fields):
    callAnalysisMetadata: CallAnalysis | None = None


class Analysis(Fields):
    analysisResult: AnalysisResult | None = None


class Conversation(Fields):
    name: str | None = None
    agentId: str | None = None
    startTime: str | None = None
    languageCode: str | None = None
    callMetadata: Metadata | None = None
    transcript: Transcript
    latestAnalysis: Analysis | None = None


def read(document: Any, options: ReadOptions) -> Iterator[SourceCall]:
    """The call of one conversation resource. Channel tag 0 means mono, confidence 0 that there is none."""
    found = check(Conversation, document)
    parts = found.transcript.transcriptSegments
    segments = tuple(_segment(part) for part in parts)
    channels = _channels(found.callMetadata)
    yield SourceCall(
        segments,
        call_id=found.name.rsplit("/", 1)[-1] if found.name else None,
        channels=channels,
        apart=len({part.channelTag for part in parts if part.channelTag}) > 1,
        agent_id=found.agentId,
        started_at=found.startTime,
        language=found.languageCode or next((part.languageCode for part in parts if part.languageCode), None),
        interruptions=_counted(found.latestAnalysis, segments, channels),
    )


def _segment(part: Part) -> SourceSegment:
    words = tuple(Word(word.word, word.startOffset, word.endOffset) for word in part.words)
    starts = [word.start_s for word in words if word.start_s is not None]
    ends = [word.end_s for word in words if word.end_s is not None]
    who = part.segmentParticipant
    return SourceSegment(
        part.text,
        who.role if who else None,
        f"ch_{part.channelTag}" if part.channelTag else None,
        role=ROLES.get(who.role) if who and who.role else None,
        start_s=min(starts, default=None),
        end_s=max(ends, default=None),
        words=words,
        confidence=part.confidence or None,
    )


def _channels(found: Metadata | None) -> dict[str, Role]:
    agent: dict[str, Role] = {f"ch_{found.agentChannel}": "agent"} if found and found.agentChannel else {}
    customer: dict[str, Role] = {f"ch_{found.customerChannel}": "customer"} if found and found.customerChannel else {}
    return agent | customer if agent.keys() != customer.keys() else {}


def _counted(found: Analysis | None, segments: tuple[SourceSegment, ...], channels: Mapping[str, Role]) -> tuple[Interruption, ...] | None:
    calls = found.analysisResult.callAnalysisMetadata if found and found.analysisResult else None
    if calls is None:
        return None
    spots = [(a.channelTag, a.annotationStartBoundary or Boundary()) for a in calls.annotations if a.interruptionData is not None]
    known = [(tag, segments[at.transcriptIndex]) for tag, at in spots if 0 <= at.transcriptIndex < len(segments)]
    return tuple(
        Interruption(channels.get(f"ch_{tag}") or part.role or "unknown", part.start_s, part.end_s)
        for tag, part in known
        if part.start_s is not None
    )


FORMAT = Format("cx_insights", "Google CX Insights, API", "json", ("transcript.transcriptSegments[].text",), read)

"""How does Amazon Transcribe Call Analytics write a call? Turns with a role each, in milliseconds, words with times."""

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from scorer.importing.fields import Fields, Many, Millis, Share, check
from scorer.importing.source import Format, Interruption, ReadOptions, Role, SourceCall, SourceSegment
from scorer.importing.spoken import SpokenWord, mean_of, segments_from

ROLES: Mapping[str, Role] = {"AGENT": "agent", "CUSTOMER": "customer", "SYSTEM": "ivr"}


class Redacted(Fields):
    Confidence: Share | None = None


class Item(Fields):
    Type: Literal["pronunciation", "punctuation"]
    Content: str
    Confidence: Share | None = None
    BeginOffsetMillis: Millis | None = None
    EndOffsetMillis: Millis | None = None
    Redaction: Many[Redacted] | None = None

    def word(self) -> SpokenWord:
        given = self.Confidence if self.Confidence is not None else self.Redaction[0].Confidence if self.Redaction else None
        joined = self.Type == "punctuation"
        return SpokenWord(self.Content, None, None, self.BeginOffsetMillis, self.EndOffsetMillis, given, joined)


class Turn(Fields):
    ParticipantRole: str
    Content: str
    BeginOffsetMillis: Millis
    EndOffsetMillis: Millis
    Items: Many[Item] = ()


class Span(Fields):
    BeginOffsetMillis: Millis
    EndOffsetMillis: Millis | None = None


class Counted(Fields):
    InterruptionsByInterrupter: dict[Literal["AGENT", "CUSTOMER"], Many[Span]] | None = None


class Characteristics(Fields):
    Interruptions: Counted | None = None


class Call(Fields):
    JobName: str | None = None
    LanguageCode: str | None = None
    Transcript: Many[Turn]
    ConversationCharacteristics: Characteristics | None = None


def read(document: Any, options: ReadOptions) -> Iterator[SourceCall]:
    """The call of one result file."""
    call = check(Call, document)
    yield SourceCall(
        tuple(_segment(turn) for turn in call.Transcript),
        call_id=call.JobName,
        apart=True,  # one channel per participant is what the service asks for
        language=call.LanguageCode,
        interruptions=counted(call.ConversationCharacteristics),
    )


def counted(found: Characteristics | None) -> tuple[Interruption, ...] | None:
    """The interruptions that the service counted, None where it did not count."""
    if found is None or found.Interruptions is None:
        return None
    by = found.Interruptions.InterruptionsByInterrupter or {}
    return tuple(Interruption(ROLES[name], span.BeginOffsetMillis, span.EndOffsetMillis) for name, spans in by.items() for span in spans)


def _segment(turn: Turn) -> SourceSegment:
    words = [word for run in segments_from(item.word() for item in turn.Items) for word in run.words]
    return SourceSegment(
        turn.Content,
        turn.ParticipantRole,
        role=ROLES.get(turn.ParticipantRole, "unknown"),
        start_s=turn.BeginOffsetMillis,
        end_s=turn.EndOffsetMillis,
        words=tuple(words),
        confidence=mean_of([item.word().confidence for item in turn.Items if item.Type == "pronunciation"]),
    )


FORMAT = Format(
    "transcribe_call_analytics",
    "Amazon Transcribe Call Analytics",
    "json",
    ("JobStatus", "Transcript[].ParticipantRole", "Transcript[].BeginOffsetMillis"),
    read,
)

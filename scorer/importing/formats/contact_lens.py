"""How does Amazon Connect Contact Lens write a call? Turns with a participant id each, in milliseconds, without words."""

from collections.abc import Iterator, Mapping
from typing import Any

from scorer.importing.fields import Fields, Many, Millis, check
from scorer.importing.source import Format, ImportReason, Interruption, ReadOptions, Role, SourceCall, SourceError, SourceSegment

ROLES: Mapping[str, Role] = {"AGENT": "agent", "CUSTOMER": "customer", "SYSTEM": "ivr", "CUSTOM_BOT": "bot"}


class Participant(Fields):
    ParticipantId: str
    ParticipantRole: str


class Metadata(Fields):
    ContactId: str | None = None


class Turn(Fields):
    ParticipantId: str
    Content: str
    BeginOffsetMillis: Millis
    EndOffsetMillis: Millis


class Span(Fields):
    BeginOffsetMillis: Millis
    EndOffsetMillis: Millis | None = None


class Counted(Fields):
    InterruptionsByInterrupter: dict[str, Many[Span]] | None = None


class Characteristics(Fields):
    Interruptions: Counted | None = None


class Call(Fields):
    Version: str
    Channel: str | None = None
    LanguageCode: str | None = None
    CustomerMetadata: Metadata | None = None
    Participants: Many[Participant]
    Transcript: Many[dict[str, Any]]
    ConversationCharacteristics: Characteristics | None = None


def read(document: Any, options: ReadOptions) -> Iterator[SourceCall]:
    """The call of one post-contact file; the twin with redacted text has the same call_id, and is not taken twice."""
    call = check(Call, document)
    if not call.Version.startswith("1."):
        raise SourceError(ImportReason.UNSUPPORTED_VERSION, "a Version other than 1.x")
    if call.Channel not in (None, "VOICE"):
        raise SourceError(ImportReason.UNSUPPORTED_VERSION, "a chat file: only voice contacts are read")
    roles: dict[str, Role] = {p.ParticipantId: ROLES.get(p.ParticipantRole, "unknown") for p in call.Participants}
    turns = [check(Turn, turn) for turn in call.Transcript]
    yield SourceCall(
        tuple(SourceSegment(t.Content, t.ParticipantId, start_s=t.BeginOffsetMillis, end_s=t.EndOffsetMillis) for t in turns),
        call_id=call.CustomerMetadata.ContactId if call.CustomerMetadata else None,
        participants=roles,
        apart=True,  # Connect records the agent and the customer on two channels
        language=call.LanguageCode,
        interruptions=_counted(call.ConversationCharacteristics, roles),
    )


def _counted(found: Characteristics | None, roles: Mapping[str, Role]) -> tuple[Interruption, ...] | None:
    if found is None or found.Interruptions is None:
        return None
    by = found.Interruptions.InterruptionsByInterrupter or {}
    who = {name: roles.get(name) or ROLES.get(name, "unknown") for name in by}
    return tuple(Interruption(who[name], span.BeginOffsetMillis, span.EndOffsetMillis) for name, spans in by.items() for span in spans)


FORMAT = Format(
    "contact_lens",
    "Amazon Connect Contact Lens",
    "json",
    ("Version", "Participants[].ParticipantId", "Transcript[].ParticipantId"),
    read,
)

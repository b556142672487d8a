"""How is a call uploaded to Google CX Insights? Entries with a role and a moment each, in microseconds, without ends."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import Field

from scorer.importing.fields import LONGEST_S, Fields, Many, check
from scorer.importing.source import Format, ImportReason, ReadOptions, Role, SourceCall, SourceError, SourceSegment

ROLES: Mapping[str, Role] = {
    "AGENT": "agent",
    "HUMAN_AGENT": "agent",
    "AUTOMATED_AGENT": "bot",
    "CUSTOMER": "customer",
    "END_USER": "customer",
}


class Entry(Fields):
    text: str
    role: str
    user_id: int | str | None = None
    start_timestamp_usec: Annotated[int, Field(ge=0, le=1 << 62)] | None = None


class Conversation(Fields):
    entries: Many[Entry]


def read(document: Any, options: ReadOptions) -> Iterator[SourceCall]:
    """The call of one upload file; moments count from the first."""
    entries = check(Conversation, document).entries
    first = min((e.start_timestamp_usec for e in entries if e.start_timestamp_usec is not None), default=0)
    agents = {str(e.user_id) for e in entries if ROLES.get(e.role) == "agent" and e.user_id is not None}
    yield SourceCall(
        tuple(
            SourceSegment(e.text, e.role, role=ROLES.get(e.role, "unknown"), start_s=_seconds(e.start_timestamp_usec, first))
            for e in entries
        ),
        agent_id=agents.pop() if len(agents) == 1 else None,
    )


def _seconds(moment: int | None, first: int) -> float | None:
    if moment is None:
        return None
    if moment - first > LONGEST_S * 10**6:
        raise SourceError(ImportReason.BAD_TIMES, "start_timestamp_usec of the entries lie more than a week apart")
    return (moment - first) / 1e6


FORMAT = Format("cx_insights_upload", "Google CX Insights, upload", "json", ("entries[].role", "entries[].text"), read)

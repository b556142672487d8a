"""How does this project write a call in JSON? With an id and its segments, as in the labelled calls; one a document, or one a line."""

from collections.abc import Iterator
from typing import Any

from pydantic import AliasChoices, Field

from scorer.importing.fields import Fields, Label, Many, Seconds, check
from scorer.importing.source import Format, ReadOptions, SourceCall, SourceSegment, on_channels_apart

ID = AliasChoices("call_id", "conversation_id")


class Part(Fields):
    speaker: Label | None = None
    text: str | None = None
    channel: Label | None = None
    start: Seconds | None = None
    end: Seconds | None = None


class OneCall(Fields):
    call_id: str | int = Field(validation_alias=ID)
    segments: Many[Part]
    agent_id: str | None = None
    started_at: str | None = None
    language: str | None = None


def read(document: Any, options: ReadOptions) -> Iterator[SourceCall]:
    """The call of one record. As in a CSV, only channels can say that the parties were recorded apart."""
    found = check(OneCall, document)
    segments = tuple(SourceSegment(s.text or "", s.speaker, s.channel, start_s=s.start, end_s=s.end) for s in found.segments)
    yield SourceCall(
        segments,
        call_id=str(found.call_id),
        apart=on_channels_apart(segments),
        agent_id=found.agent_id,
        started_at=found.started_at,
        language=found.language,
    )


def _is_call(document: Any, options: ReadOptions) -> bool:
    return isinstance(document, dict) and any(key in document for key in ID.choices)


FORMAT = Format("calls", "calls of this project", "json", ("segments[].speaker", "segments[].text"), read, _is_call, "a call_id")

"""How is a written-down call wrapped in JSON? A record with one long text of `**Agent:** words` lines in it."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from pydantic import AliasChoices, Field

from scorer.importing.fields import Fields, check
from scorer.importing.formats import plain_text
from scorer.importing.source import Format, ReadOptions, SourceCall

TEXTS = ("Content", "content", "transcript", "Transcript", "text", "body")


class Record(Fields):
    call_id: str | None = Field(default=None, validation_alias=AliasChoices("ConversationId", "conversation_id", "call_id", "id"))
    started_at: str | None = Field(default=None, validation_alias=AliasChoices("StartTime", "start_time", "started_at"))
    agent_id: str | None = Field(default=None, validation_alias=AliasChoices("AgentId", "agent_id"))
    text: str = Field(validation_alias=AliasChoices(*TEXTS))


def read(document: Any, options: ReadOptions) -> Iterator[SourceCall]:
    """The call of one record."""
    record = check(Record, document)
    for call in plain_text.read(record.text, options):
        yield replace(call, call_id=record.call_id, started_at=record.started_at, agent_id=record.agent_id)


def _fits(document: Any, options: ReadOptions) -> bool:
    found = next((document[name] for name in TEXTS if isinstance(document.get(name), str)), "") if isinstance(document, dict) else ""
    return "\n" in found and plain_text.reads_as_dialogue(found, options)


FORMAT = Format("text_in_json", "plain text in a JSON record", "json", (), read, _fits, "a text whose lines begin with a speaker")

"""How do chat-style data sets write a call? A list of messages with a role each, without times."""

from collections.abc import Iterator
from typing import Any

from pydantic import AliasChoices, Field

from scorer.importing.fields import Fields, Many, check
from scorer.importing.source import Format, ImportReason, ReadOptions, SourceCall, SourceError, SourceSegment

WHO = AliasChoices("role", "speaker", "from")
WHAT = AliasChoices("content", "message", "text", "value")


class Message(Fields):
    who: str = Field(validation_alias=WHO)
    what: str | None = Field(default=None, validation_alias=WHAT)
    call: Any = Field(default=None, validation_alias=AliasChoices("call_id", "conversation_id"))


class Chat(Fields):
    id: str | int | None = Field(default=None, validation_alias=AliasChoices("call_id", "conversation_id", "id"))
    messages: Many[Message] = Field(validation_alias=AliasChoices("messages", "conversations"))


def read(document: Any, options: ReadOptions) -> Iterator[SourceCall]:
    """The call of one record. `assistant` may be a person or a machine, so it needs a speaker map; `system` is no speech."""
    chat = check(Chat, {"messages": document} if isinstance(document, list) else document)
    calls = {str(message.call) for message in chat.messages if message.call is not None}
    if chat.id is None and len(calls) > 1:
        raise SourceError(ImportReason.UNEXPECTED_SHAPE, "messages of several calls: give a list per call, or a CSV with a call_id column")
    segments = tuple(SourceSegment(message.what or "", message.who) for message in chat.messages)
    yield SourceCall(segments, call_id=next(iter(calls), None) if chat.id is None else str(chat.id))


def _is_chat(document: Any, options: ReadOptions) -> bool:
    named = document.get("messages") or document.get("conversations") if isinstance(document, dict) else None
    found = document if isinstance(document, list) else named
    first = found[0] if isinstance(found, list) and found else None
    return isinstance(first, dict) and any(key in first for key in WHO.choices) and any(key in first for key in WHAT.choices)


FORMAT = Format("chat_messages", "chat-style messages", "json", (), read, _is_chat, "a list of messages with a role and a content")

"""How does one document become calls? Recognised, read, checked; whatever does not hold becomes a reject."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from scorer.importing.checks import check_channels, check_characters, ordered, timing_tier
from scorer.importing.decode import Content, decode, read_lines
from scorer.importing.files import Document
from scorer.importing.recognise import is_row, items_of, recognise, value_for
from scorer.importing.rejects import ImportReject
from scorer.importing.roles import RoleAnswer, resolve_roles
from scorer.importing.source import Format, ImportReason, Notes, ReadOptions, SourceCall, SourceError, SourceSegment
from scorer.records import Speaker
from scorer.role_check import find_swap
from scorer.tables.transcripts import CallRow, SegmentRow

WEAKEST_FIRST = ("unknown", "speaker_map", "channel_map", "participants", "field")
SPEAKERS: dict[str, Speaker] = {"agent": "agent", "customer": "customer"}


def read_document(document: Document, options: ReadOptions, *, named: Format | None, notes: Notes) -> Iterator[CallRow | ImportReject]:
    """Every call of one document, and a reject for what cannot be read. What is to be told beside goes into `notes`."""
    try:
        for content in _contents(document, options, named):
            if isinstance(content, SourceError):
                yield _reject(document, content)
                continue
            for part in _parts(content, options, named):
                yield from _read_part(document, part, options, named=named, notes=notes)
    except SourceError as error:
        yield _reject(document, error)


def _contents(document: Document, options: ReadOptions, named: Format | None) -> Iterator[Content | SourceError]:
    if not isinstance(document.content, SourceError):
        content = document.content
        yield from decode(content) if named and named.kind != "table" else _tables(content, options)
    elif document.content.reason is ImportReason.TOO_LARGE and document.path and document.path.suffix.casefold() in (".jsonl", ".ndjson"):
        yield from _lines(document.path, options)
    else:
        yield document.content


def _lines(path: Path, options: ReadOptions) -> Iterator[Content | SourceError]:
    """The lines of a file too large to be held, of which each has to be a call."""
    for content in read_lines(path):
        if isinstance(content, Content) and is_row(content.value, options):
            yield SourceError(
                ImportReason.TOO_LARGE, "a segment a line: split the file by call_id, or make it Parquet, which needs no import"
            )
            return
        yield content


def _tables(content: bytes, options: ReadOptions) -> Iterator[Content | SourceError]:
    """What the bytes hold, with rows of segments in JSON, one a line or one an item of a list, as the table that they are."""
    first = next(decode(content))
    lines = isinstance(first, SourceError) or first.line is not None

    def parts() -> Iterator[Content | SourceError]:  # lines are parsed again rather than held all at once
        return decode(content) if lines else iter((first,))

    if not any(is_row(row, options) for part in parts() for row in _objects(part)):
        yield from parts()
        return
    rows: list[Any] = []
    for part in parts():
        rows += (objects := _objects(part))
        if not objects:
            yield part
    yield Content("table", rows)


def _objects(content: Content | SourceError) -> Sequence[Any]:
    """The JSON objects that a content is, or is a list of."""
    if isinstance(content, SourceError) or content.kind != "json":
        return ()
    return [content.value] if isinstance(content.value, dict) else items_of(content.value) or ()


def _parts(content: Content, options: ReadOptions, named: Format | None) -> Iterator[Content]:
    """The content itself, or each item of a list of documents."""
    items = items_of(content.value) if content.kind == "json" and named is None else None
    if items is None:
        yield content
        return
    try:
        recognise(content, options)
        yield content
    except SourceError:
        yield from (replace(content, value=item, line=number) for number, item in enumerate(items, 1))


def _read_part(
    document: Document, content: Content, options: ReadOptions, *, named: Format | None, notes: Notes
) -> Iterator[CallRow | ImportReject]:
    name = None
    try:
        known, value = (named, value_for(named, content)) if named else recognise(content, options)
        name = known.name
        notes.rules[name] = "named with --format" if named else known.rule_text()
        for number, call in enumerate(known.read(value, options)):
            label = "-".join([document.name, *(str(part) for part in (content.line, number or None) if part is not None)])
            yield _finish(replace(call, call_id=call.call_id or label), document.source, known.name, options)
        if known.leaves_out:
            notes.left_out.update(known.leaves_out(value, options))
    except SourceError as error:
        yield _reject(document, error, name, line=content.line)


def _finish(call: SourceCall, source: str, name: str, options: ReadOptions) -> CallRow | ImportReject:
    """The row of a call that passes every check, else the reject."""
    try:
        if call.problem:
            raise call.problem
        call = ordered(call)
        check_characters(call)
        answers = resolve_roles(call, options)
        check_channels(call, answers)
    except SourceError as error:
        return ImportReject(source, call.call_id, name, error.reason, error.detail)
    tier = timing_tier(call, answers)
    counted = call.interruptions
    return CallRow(
        call_id=call.call_id or "",
        segments=tuple(_segment_rows(call, answers, keep_ends=tier != "none")),
        agent_id=call.agent_id,
        started_at=call.started_at,
        language=call.language,
        tier=tier,
        role_source=min((answer.source for answer in answers), key=WEAKEST_FIRST.index),
        role_suspect=_look_swapped(call, answers),
        source_format=name,
        source_uri=source,
        vendor_interruptions=None if counted is None else tuple((item.by, item.start_s, item.end_s) for item in counted),
    )


def _segment_rows(call: SourceCall, answers: Sequence[RoleAnswer], *, keep_ends: bool) -> Iterator[SegmentRow]:
    for at, (segment, answer) in enumerate(zip(call.segments, answers, strict=True)):
        yield SegmentRow(
            at,
            answer.role,
            _said(segment, answer),
            segment.start_s,
            segment.end_s if keep_ends else None,  # without an end no overlap can be seen: the tier is none
            segment.words,
            segment.speaker,
            segment.channel,
            answer.source,
            segment.confidence,
        )


def _said(segment: SourceSegment, answer: RoleAnswer) -> str:
    """The text, with the mark in front of it where that is nobody's name that is known: it may be words."""
    return f"{segment.speaker}: {segment.text}" if segment.marked and answer.role == "unknown" else segment.text


def _look_swapped(call: SourceCall, answers: Sequence[RoleAnswer]) -> bool:
    speakers = [SPEAKERS.get(answer.role, "other") for answer in answers]
    return find_swap(speakers, [segment.text for segment in call.segments]) is not None


def _reject(document: Document, error: SourceError, name: str | None = None, *, line: int | None = None) -> ImportReject:
    source = document.source if line is None else f"{document.source}:{line}"
    return ImportReject(source, None, name, error.reason, error.detail)

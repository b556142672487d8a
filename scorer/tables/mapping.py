"""What do the columns of a user's file mean?"""

import difflib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from scorer.config import InputMapping
from scorer.tables.transcripts import VERSION_KEY

REQUIRED = ("speaker", "text")  # of a segment; call_id is looked for beside them
NEAR = 0.54  # of a name that may be meant: end_time for end has 0.545, team for text, which means something else, 0.5


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the columns are in one file."""

    path: Path
    nested: bool  # one row per call
    call_id: str
    names: Mapping[str, str]  # what a segment has: canonical name -> name in the file, or inside the segments
    types: Mapping[str, str]  # canonical name -> type found, for people
    carried: tuple[str, ...]
    schema: pa.Schema


def mapping_of(schema: pa.Schema, mapping: InputMapping) -> InputMapping:
    """The settings that hold for one file. What `scorer import` wrote has our names and seconds, whatever its sources had."""
    if VERSION_KEY not in (schema.metadata or {}):
        return mapping
    ours = InputMapping()
    speakers = ours.speakers.model_copy(update={"other": (*ours.speakers.other, *mapping.speakers.other)})
    return ours.model_copy(update={"speakers": speakers})


def read_layout(path: Path, schema: pa.Schema, mapping: InputMapping) -> tuple[Layout | None, list[str]]:
    """The layout of a file, or every reason why there is none."""
    twice = sorted({name for name in schema.names if schema.names.count(name) > 1}) if len(set(schema.names)) < len(schema) else []
    if twice:
        return None, [f'{path}: column "{name}" is there more than once: rename or drop one' for name in twice]
    columns: dict[str, str] = mapping.columns.model_dump()
    nested = is_nested(schema, mapping)
    fields = children(schema.field(mapping.segments_column).type) if nested else {field.name: field.type for field in schema}
    inside = f' inside "{mapping.segments_column}"' if nested else ""
    types = {name: fields[found] for name, found in columns.items() if name != "call_id" and found in fields}
    outer = {field.name: field.type for field in schema}
    if columns["call_id"] in outer:
        types["call_id"] = outer[columns["call_id"]]
    problems = [f"{path}: {text}" for text in _missing(types, columns, outer=list(outer), inner=list(fields), inside=inside)]
    problems += [f"{path}: {text}" for text in _uncastable(types, columns, inside=inside)]
    if nested and len(fields) < schema.field(mapping.segments_column).type.value_type.num_fields:
        problems.append(f"{path}: a field{inside} is there more than once: rename or drop one")
    if problems:
        return None, problems
    mapped = {columns["call_id"], mapping.segments_column} if nested else {columns[name] for name in types}
    names = {name: columns[name] for name in types if name != "call_id"}
    carried = tuple(name for name in outer if name not in mapped)
    return Layout(path, nested, columns["call_id"], names, {k: str(v) for k, v in types.items()}, carried, schema), []


def suggest(name: str, found: list[str]) -> str | None:
    """The column that was most likely meant."""
    folded = {other.casefold(): other for other in reversed(found)}
    near = difflib.get_close_matches(name.casefold(), list(folded), n=1, cutoff=NEAR)
    return folded[near[0]] if near else None


def plain(kind: pa.DataType) -> pa.DataType:
    """A type without dictionary or extension around it."""
    if pa.types.is_dictionary(kind):
        return plain(kind.value_type)
    return plain(kind.storage_type) if isinstance(kind, pa.BaseExtensionType) else kind


def is_text(kind: pa.DataType) -> bool:
    """Text, or bytes that may hold text."""
    tests = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
    return any(test(kind) for test in tests) or is_bytes(kind)


def is_bytes(kind: pa.DataType) -> bool:
    """Bytes of any layout."""
    tests = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_binary_view, pa.types.is_fixed_size_binary)
    return any(test(kind) for test in tests)


def is_list(kind: pa.DataType) -> bool:
    """A list of any layout."""
    tests = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list, pa.types.is_list_view, pa.types.is_large_list_view)
    return any(test(kind) for test in tests)


def is_nested(schema: pa.Schema, mapping: InputMapping) -> bool:
    """Whether a row is a call, with its segments in a list."""
    if mapping.segments_column not in schema.names:
        return False
    kind = schema.field(mapping.segments_column).type
    return is_list(kind) and pa.types.is_struct(kind.value_type)


def children(kind: pa.DataType) -> dict[str, pa.DataType]:
    """The fields of a list of structs, with their types."""
    struct = kind.value_type
    return {struct.field(index).name: struct.field(index).type for index in range(struct.num_fields)}


def _missing(
    types: Mapping[str, pa.DataType], columns: Mapping[str, str], *, outer: list[str], inner: list[str], inside: str
) -> Iterator[str]:
    for name in ("call_id", *REQUIRED):
        if name in types:
            continue
        found, place = (outer, "") if name == "call_id" else (inner, inside)
        near = suggest(columns[name], [other for other in found if other not in {columns[known] for known in types}])
        advice = f'the closest is "{near}", ' if near else ""
        yield f'column "{columns[name]}"{place} is missing: {advice}set input.columns.{name} to the right name'


def _uncastable(types: Mapping[str, pa.DataType], columns: Mapping[str, str], *, inside: str) -> Iterator[str]:
    for name, kind in types.items():
        test, wanted = EXPECTED[name]
        if not pa.types.is_null(kind) and not test(plain(kind)):
            place = "" if name == "call_id" else inside
            yield f'column "{columns[name]}"{place} is {kind}: give {wanted}, or point input.columns.{name} to another column'


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))


def _is_time(kind: pa.DataType) -> bool:
    return _is_number(kind) or bool(pa.types.is_decimal(kind))


def _is_name(kind: pa.DataType) -> bool:
    return is_text(kind) or bool(pa.types.is_integer(kind))


def _is_words(kind: pa.DataType) -> bool:
    if not is_list(kind) or not pa.types.is_struct(kind.value_type):
        return is_list(kind) and bool(pa.types.is_null(kind.value_type))
    fields = children(kind)
    times = all(pa.types.is_null(fields[name]) or _is_time(plain(fields[name])) for name in ("start", "end") if name in fields)
    text = fields.get("text", pa.int8())
    return times and (pa.types.is_null(text) or is_text(plain(text))) and len(fields) == kind.value_type.num_fields


EXPECTED: Mapping[str, tuple[Callable[[pa.DataType], bool], str]] = {
    "call_id": (_is_name, "text or an integer"),
    "speaker": (_is_name, "text or an integer"),
    "text": (is_text, "text"),
    "segment_index": (_is_number, "an integer"),
    "start": (_is_time, "a number"),
    "end": (_is_time, "a number"),
    "words": (_is_words, "a list of struct(text, start, end)"),
}

"""How do the caller's own columns travel with a call?"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from scorer.tables.mapping import Layout, is_bytes, is_list, is_text, plain

WIDEST = 38  # digits of a decimal128


@dataclass(frozen=True, slots=True)
class Piece:
    """The carried values of one call, as far as one batch knows them."""

    row: bytes  # an Arrow record batch of one row
    conflicts: tuple[int, ...]  # columns in which rows of the call differ
    dropped: int  # values that no Python value stands for


def carried_schema(layout: Layout) -> pa.Schema:
    """The carried columns of one file, in the types in which they are carried; null where there is nothing."""
    return pa.schema([(name, carried_type(layout.schema.field(name).type)) for name in layout.carried])


def merge_carried(schemas: Iterable[pa.Schema]) -> pa.Schema:
    """The carried columns of all files together, in the order they are first met; a column whose types differ becomes text."""
    types: dict[str, pa.DataType] = {}
    for field in (field for schema in schemas for field in schema):
        known = types.get(field.name, pa.null())
        types[field.name] = field.type if pa.types.is_null(known) else known if field.type in (known, pa.null()) else pa.string()
    return pa.schema([(name, pa.string() if pa.types.is_null(kind) else kind) for name, kind in types.items()])


def carried_type(kind: pa.DataType) -> pa.DataType:
    """The type in which a column is carried: its own, without dictionary, extension, layout variants, nanoseconds and what DuckDB lacks."""
    kind = plain(kind)
    if is_text(kind):
        return pa.binary() if is_bytes(kind) else pa.string()
    if pa.types.is_timestamp(kind):
        return pa.timestamp("us" if kind.unit == "ns" else kind.unit, kind.tz)  # Python knows no nanoseconds
    if pa.types.is_float16(kind):
        return pa.float32()
    if pa.types.is_decimal256(kind) and kind.precision <= WIDEST:
        return pa.decimal128(kind.precision, kind.scale)
    return kind if _is_plain(kind) else pa.string()


def encode(batch: pa.RecordBatch, owners: Sequence[str | None], schema: pa.Schema) -> dict[str, Piece]:
    """One piece per call of a batch; `owners` names the call of each row."""
    groups = {owner: number for number, owner in enumerate(dict.fromkeys(x for x in owners if x is not None))}
    if not groups or not len(schema):
        return {}
    conflicts: list[set[int]] = [set() for _ in groups]
    dropped = [0] * len(groups)
    columns = []
    for position, field in enumerate(schema):
        firsts: list[Any] = [None] * len(groups)
        if field.name in batch.schema.names:
            values, lost = _values(batch.column(field.name), as_text=pa.types.is_string(field.type))
            for row, owner in enumerate(owners):
                if owner is None:
                    continue
                group = groups[owner]
                dropped[group] += row in lost
                if firsts[group] is None:
                    firsts[group] = values[row]
                elif differ(firsts[group], values[row]):
                    conflicts[group].add(position)
        columns.append(pa.array(firsts, type=field.type))
    rows = pa.record_batch(columns, schema=schema)
    return {
        owner: Piece(rows.slice(number, 1).serialize().to_pybytes(), tuple(sorted(conflicts[number])), dropped[number])
        for owner, number in groups.items()
    }


def decode(row: bytes, schema: pa.Schema, merged: pa.Schema) -> dict[str, Any]:
    """The values of a piece of `schema`, as text where the merged column is text."""
    values: dict[str, Any] = pa.ipc.read_record_batch(pa.py_buffer(row), schema).to_pylist()[0]
    return {name: _as_text(value) if pa.types.is_string(merged.field(name).type) else value for name, value in values.items()}


def differ(first: Any, other: Any) -> bool:
    """Whether a later value contradicts the first; null contradicts nothing, and NaN equals NaN."""
    return other is not None and first != other and not (first != first and other != other)


def output_names(carried: pa.Schema, taken: Sequence[str]) -> Mapping[str, str]:
    """The name of each carried column in calls/: its own, or with `input_` in front where that is taken."""
    used = set(taken)
    names: dict[str, str] = {}
    for name in carried.names:
        output = name
        while output in used or (output != name and output in carried.names):
            output = f"input_{output}"
        used.add(output)
        names[name] = output
    return names


def _is_plain(kind: pa.DataType) -> bool:
    if is_list(kind):
        return bool(pa.types.is_list(kind)) and _is_plain(kind.value_type)
    if pa.types.is_struct(kind):
        fields = [kind.field(index) for index in range(kind.num_fields)]
        return bool(fields) and len({field.name for field in fields}) == len(fields) and all(_is_plain(field.type) for field in fields)
    if pa.types.is_timestamp(kind) or pa.types.is_time(kind):
        return bool(kind.unit != "ns")
    if pa.types.is_float16(kind) or pa.types.is_decimal256(kind):
        return False
    tests = (pa.types.is_boolean, pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal, pa.types.is_date)
    return any(test(kind) for test in (*tests, pa.types.is_string, pa.types.is_binary, pa.types.is_null))


def _values(column: pa.Array, *, as_text: bool) -> tuple[list[Any], set[int]]:
    """Python values, and the rows whose value none stands for."""
    if isinstance(column, pa.ExtensionArray):
        column = column.storage  # to_pylist would give what the extension makes of it, such as a UUID
    kind = plain(column.type)
    lost: set[int] = set()
    if pa.types.is_timestamp(kind) and kind.unit == "ns":
        column = column.cast(pa.timestamp("us", kind.tz), safe=False)
    try:
        values = column.to_pylist()
    except (ValueError, OverflowError, LookupError, pa.ArrowException):
        values = [_value(scalar, row, lost) for row, scalar in enumerate(column)]
    return [_as_text(value) for value in values] if as_text else values, lost


def _value(scalar: pa.Scalar, row: int, lost: set[int]) -> Any:
    try:
        return scalar.as_py()
    except UnicodeDecodeError:
        if is_text(plain(scalar.type)):
            buffer = scalar.value.as_buffer() if pa.types.is_dictionary(scalar.type) else scalar.as_buffer()
            return buffer.to_pybytes().decode("utf-8", "replace")
    except (ValueError, OverflowError, LookupError, pa.ArrowException):
        pass
    lost.add(row)
    return None


def _as_text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, (bool, list, dict)):
        return json.dumps(value, default=str, ensure_ascii=False)
    return value.isoformat() if hasattr(value, "isoformat") else str(value)

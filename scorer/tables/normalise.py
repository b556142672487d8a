"""How does a batch of a user's rows become rows that are all alike?"""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from scorer.config import InputMapping, fold
from scorer.records import Speaker
from scorer.tables.carried import encode
from scorer.tables.mapping import Layout, is_text, plain
from scorer.tables.mend import MENDS, clean_id, clean_text, clean_times

WORD = pa.struct([("text", pa.string()), ("start_s", pa.float64()), ("end_s", pa.float64())])
ROW_SCHEMA = pa.schema(
    [
        ("call_id", pa.string()),
        ("file", pa.int32()),
        ("row", pa.int64()),
        ("pos", pa.int32()),  # place within a nested row, -1 where it has no segment; None for a segment row
        ("segment_index", pa.int64()),
        ("speaker", pa.string()),
        ("text", pa.large_string()),
        ("start_s", pa.float64()),
        ("end_s", pa.float64()),
        ("words", pa.list_(WORD)),
        ("mends", pa.int32()),
        ("fields", pa.binary()),  # on the first row that a call has in a batch
        ("conflicts", pa.list_(pa.int32())),
        ("dropped", pa.int32()),
    ]
)
Get = Callable[[str], Any]  # a canonical name -> its Arrow array, or None


class SegmentRow(NamedTuple):
    """One segment, mended."""

    segment_index: int | None
    speaker: Speaker
    text: str
    start_s: float | None
    end_s: float | None
    words: list[dict[str, Any]] | None
    mends: int


@dataclass(frozen=True, slots=True)
class Normalised:
    """A batch, normalised."""

    batch: pa.RecordBatch  # ROW_SCHEMA
    rows: int  # counted from the Arrow columns: a nested row counts its segments, at least 1
    missing: int  # of these, without a call_id


def normalise(batch: pa.RecordBatch, layout: Layout, mapping: InputMapping, *, carried: pa.Schema, at: tuple[int, int]) -> Normalised:
    """Bring a batch into ROW_SCHEMA; `at` is the number of its file and of its first row."""
    owners = [clean_id(value) for value in values_of(batch.column(layout.call_id))]
    places: list[tuple[int, int | None]]
    if layout.nested:
        column = batch.column(mapping.segments_column)
        lengths = [length or 0 for length in pc.list_value_length(column).to_pylist()]
        segments = parse_segments(struct_getter(pc.list_flatten(column), layout), mapping)
        places = [(row, pos) for row, length in enumerate(lengths) for pos in (range(length) if length else (-1,))]
    else:
        segments = parse_segments(column_getter(batch, layout), mapping)
        places = [(row, None) for row in range(batch.num_rows)]
    kept = [(owners[row], row, pos) for row, pos in places if owners[row] is not None]
    found = iter(segments)
    parsed = [(next(found) if pos != -1 else EMPTY) for _, pos in places]
    rows = [segment for segment, (row, _) in zip(parsed, places, strict=True) if owners[row] is not None]
    columns = _columns(kept, rows, at) | _field_columns(kept, encode(batch, owners, carried))
    return Normalised(pa.record_batch(columns, schema=ROW_SCHEMA), _count(batch, layout, mapping), len(places) - len(kept))


def parse_segments(get: Get, mapping: InputMapping) -> list[SegmentRow]:
    """Mend the segments of a batch."""
    texts = values_of(get("text"))
    parties = party_of(mapping)
    scale = 1000.0 if mapping.time_unit == "milliseconds" else 1.0
    nothing = [None] * len(texts)
    columns = zip(
        _integers(get("segment_index")) or nothing,
        values_of(get("speaker")),
        texts,
        _floats(get("start")) or nothing,
        _floats(get("end")) or nothing,
        _words(get("words"), scale) or [(None, 0)] * len(texts),
        strict=True,
    )
    return [_segment(*row, parties=parties, scale=scale) for row in columns]


def party_of(mapping: InputMapping) -> dict[str, Speaker]:
    """Which party a folded speaker value stands for; unknown ones are not in it."""
    other: dict[str, Speaker] = {fold(value): "other" for value in mapping.speakers.other}
    agent: dict[str, Speaker] = {fold(value): "agent" for value in mapping.speakers.agent}
    return other | agent | {fold(value): "customer" for value in mapping.speakers.customer}


def column_getter(batch: pa.RecordBatch, layout: Layout) -> Get:
    """The columns of a batch of segment rows."""
    return lambda name: batch.column(layout.names[name]) if name in layout.names else None


def values_of(column: pa.Array) -> list[Any]:
    """Python values of a text or integer column; text that is not UTF-8 comes as bytes."""
    kind = plain(column.type)
    if isinstance(column.type, pa.BaseExtensionType):
        column = column.storage
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if not is_text(kind):
        return list(column.to_pylist())
    return [_decoded(value) for value in column.cast(pa.large_binary()).to_pylist()]


EMPTY = SegmentRow(None, "other", "", None, None, None, 0)


def _segment(
    index: int | None,
    speaker: Any,
    text: str | bytes | None,
    start: float | None,
    end: float | None,
    words: tuple[list[dict[str, Any]] | None, int],
    *,
    parties: Mapping[str, Speaker],
    scale: float,
) -> SegmentRow:
    party = None if speaker is None else parties.get(fold(str(speaker)))
    clean, mends = clean_text(text)
    start_s, end_s, dropped = clean_times(*(None if time is None else time / scale for time in (start, end)))
    mends |= words[1] | (MENDS["time_dropped"] if dropped else 0) | (0 if party else MENDS["unknown_speaker"])
    return SegmentRow(index, party or "other", clean, start_s, end_s, words[0], mends)


def _decoded(value: bytes | None) -> str | bytes | None:
    if value is None:
        return None
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value


def struct_getter(items: pa.Array, layout: Layout) -> Get:
    """The fields of flattened lists of segments."""
    return lambda name: pc.struct_field(items, [items.type.get_field_index(layout.names[name])]) if name in layout.names else None


def _floats(column: pa.Array | None) -> list[float | None]:
    return [] if column is None else list(_plain_column(column).cast(pa.float64(), safe=False).to_pylist())


def _integers(column: pa.Array | None) -> list[int | None]:
    if column is None:
        return []
    return [_integer(value) for value in _plain_column(column).to_pylist()]


def _integer(value: Any) -> int | None:
    if value is None or not math.isfinite(value) or value != int(value) or not -(2**63) <= value < 2**63:
        return None
    return int(value)


def _plain_column(column: pa.Array) -> pa.Array:
    if isinstance(column.type, pa.BaseExtensionType):
        column = column.storage
    return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column


def _words(column: pa.Array | None, scale: float) -> list[tuple[list[dict[str, Any]] | None, int]]:
    if column is None or pa.types.is_null(column.type) or not pa.types.is_struct(column.type.value_type):
        return []  # pandas writes a column of nothing but None without a type
    items = pc.list_flatten(column)
    names = [items.type.field(index).name for index in range(items.type.num_fields)]
    parts = {name: pc.struct_field(items, [names.index(name)]) for name in ("text", "start", "end") if name in names}
    texts = values_of(parts["text"])
    nothing = [None] * len(texts)
    starts, ends = _floats(parts.get("start")) or nothing, _floats(parts.get("end")) or nothing
    found = iter([_word(*word, scale) for word in zip(texts, starts, ends, strict=True)])
    lengths = pc.list_value_length(column).to_pylist()
    return [_join(None if length is None else [next(found) for _ in range(length)]) for length in lengths]


def _word(text: str | bytes | None, start: float | None, end: float | None, scale: float) -> tuple[dict[str, Any], int]:
    clean, mends = clean_text(text)
    start_s, end_s, dropped = clean_times(*(None if time is None else time / scale for time in (start, end)))
    mends = (mends & MENDS["text_repaired"]) | (MENDS["word_time_dropped"] if dropped else 0)
    return {"text": clean, "start_s": start_s, "end_s": end_s}, mends


def _join(words: list[tuple[dict[str, Any], int]] | None) -> tuple[list[dict[str, Any]] | None, int]:
    mends = 0
    for _, bits in words or ():
        mends |= bits
    return (None if words is None else [word for word, _ in words]), mends


def _columns(kept: Sequence[tuple[str | None, int, int | None]], rows: Sequence[SegmentRow], at: tuple[int, int]) -> dict[str, list[Any]]:
    place: dict[str, list[Any]] = {
        "call_id": [owner for owner, _, _ in kept],
        "file": [at[0]] * len(kept),
        "row": [at[1] + row for _, row, _ in kept],
        "pos": [pos for _, _, pos in kept],
    }
    return place | {name: [row[number] for row in rows] for number, name in enumerate(SegmentRow._fields)}


def _field_columns(kept: Sequence[tuple[str | None, int, int | None]], pieces: Mapping[str, Any]) -> dict[str, list[Any]]:
    left = dict(pieces)
    found = [left.pop(owner, None) for owner, _, _ in kept if owner is not None]
    return {
        "fields": [piece and piece.row for piece in found],
        "conflicts": [piece and list(piece.conflicts) for piece in found],
        "dropped": [piece and piece.dropped for piece in found],
    }


def _count(batch: pa.RecordBatch, layout: Layout, mapping: InputMapping) -> int:
    if not layout.nested:
        return int(batch.num_rows)
    lengths = Counter(pc.list_value_length(batch.column(mapping.segments_column)).to_pylist())
    return sum(max(1, length or 0) * times for length, times in lengths.items())

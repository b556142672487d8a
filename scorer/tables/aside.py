"""Where are the texts that are too wide to be sorted? In a file beside the database, which keeps only where in it."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scorer.errors import RunError
from scorer.tables.normalise import ROW_SCHEMA

WIDE = 8 << 10  # bytes; a row of more is put aside
HEAVY = ("text", "words", "fields")  # what is put aside of it
HEAD = 8  # bytes of a length
TIMES = 16  # bytes of a word beside its text
SCHEMA = pa.schema([ROW_SCHEMA.field(name) for name in HEAVY])
SIZES = pa.schema([("characters", pa.int64()), ("width", pa.int64()), ("aside", pa.int64())])  # of its text; of all; where, None if not
NARROWED = pa.schema([*ROW_SCHEMA, *SIZES])


def narrowed(batch: pa.RecordBatch, aside: Path) -> pa.RecordBatch:
    """The rows with what they take, as NARROWED has it; what is too wide is at the end of the file `aside` instead."""
    widths = _widths(batch)
    places: list[int | None] = [None] * batch.num_rows
    wide = np.flatnonzero(widths > WIDE)
    if len(wide):
        with aside.open("ab") as stream:
            for row in wide.tolist():
                piece = batch.slice(row, 1).select(HEAVY).serialize().to_pybytes()
                places[row] = stream.tell()
                stream.write(len(piece).to_bytes(HEAD, "big") + piece)
    columns = dict(zip(batch.schema.names, batch.columns, strict=True))
    sizes = {"characters": pc.utf8_length(batch.column("text")), "width": widths, "aside": places}
    if len(wide):
        gone = pa.array(widths > WIDE)
        nothing = {"text": pa.scalar("", ROW_SCHEMA.field("text").type)}
        columns |= {name: pc.if_else(gone, nothing.get(name, pa.scalar(None, field.type)), columns[name]) for name, field in _heavy()}
    return pa.record_batch(columns | {name: pa.array(values, SIZES.field(name).type) for name, values in sizes.items()}, schema=NARROWED)


def fetch(aside: Path, place: int) -> dict[str, Any]:
    """What was put aside there: text, words and fields of a row. Raises RunError where it cannot be read."""
    try:
        with aside.open("rb") as stream:
            stream.seek(place)
            size = int.from_bytes(stream.read(HEAD), "big")
            row: dict[str, Any] = pa.ipc.read_record_batch(pa.py_buffer(stream.read(size)), SCHEMA).to_pylist()[0]
    except (OSError, pa.ArrowException) as error:
        raise RunError(f"{aside}: cannot be read ({type(error).__name__}): --out must be on storage that all workers see") from error
    return row


def _heavy() -> list[tuple[str, pa.Field]]:
    return [(name, ROW_SCHEMA.field(name)) for name in HEAVY]


def _widths(batch: pa.RecordBatch) -> Any:
    """Bytes of each row's text, words and fields."""
    words = batch.column("words")
    items = pc.list_flatten(words)
    ends = np.cumsum(_filled(pc.list_value_length(words)))
    sums = np.concatenate([[0], np.cumsum(_filled(pc.binary_length(pc.struct_field(items, ["text"]))) + TIMES)])
    said = sums[ends] - sums[np.concatenate([[0], ends[:-1]])] if len(ends) else ends
    return said + _filled(pc.binary_length(batch.column("text"))) + _filled(pc.binary_length(batch.column("fields")))


def _filled(lengths: pa.Array) -> Any:
    return pc.fill_null(lengths, 0).to_numpy(zero_copy_only=False).astype(np.int64)

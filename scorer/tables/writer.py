"""How does a shard's result get onto disk, and is it what was written?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from scorer.durable import file_hash, sync, unwritable
from scorer.errors import RunError
from scorer.faults import reach
from scorer.labels import Label
from scorer.manifest import TableFile
from scorer.records import CallScore, JudgedCall, Reject
from scorer.tables.carried import output_names
from scorer.tables.files import FileError, open_parquet, read_batches
from scorer.tables.judged import Group, carried_names
from scorer.tables.rows import call_row, flag_rows, reject_row, score_row, segment_rows, stamp_row
from scorer.tables.schemas import STAMP, Stamp, calls_schema, flags_schema, rejects_schema, segments_schema

GROUP_CALLS = 2000  # calls per row group
GROUP_SEGMENTS = 50_000  # segments that are held at most before a row group is written
GROUP_CHARACTERS = 16_000_000  # and characters of theirs


@dataclass(frozen=True, slots=True)
class RunTables:
    """The four tables of a run: columns, and what stands on every row. `carried` is CallReader.carried."""

    labels: tuple[Label, ...]
    behaviours: tuple[str, ...]  # names in the rubric
    carried: pa.Schema
    stamp: Stamp

    @property
    def schemas(self) -> dict[str, pa.Schema]:
        """The schema of each table."""
        return {
            "segments": segments_schema(self.labels),
            "flags": flags_schema(),
            "rejects": rejects_schema(),
            "calls": calls_schema(self.behaviours, self.carried),
        }

    @property
    def outputs(self) -> Mapping[str, str]:
        """The name of each carried column in calls/."""
        own = [name for name in calls_schema(self.behaviours, pa.schema([])).names if name not in STAMP]
        return output_names(self.carried, [*own, *STAMP])


@dataclass(frozen=True, slots=True)
class Part:
    """Some whole calls as they go into a run: rows of its tables, in the order of the calls."""

    calls: pa.Table
    segments: pa.Table
    flags: pa.Table


def part_of(group: Group, scores: Sequence[CallScore], tables: RunTables) -> Part:
    """What `ShardWriter.write_call` makes of calls that were stored before: as they are, but for their scores and whose run they are of."""
    stamp, schemas, outputs = tables.stamp, tables.schemas, tables.outputs
    rows = [score_row(score) for score in scores]
    scored = pa.Table.from_pylist(rows, pa.schema([field for field in schemas["calls"] if field.name in rows[0]]))
    carried = {outputs[name]: group.calls[output] for output, name in carried_names(group.calls.schema).items()}
    flags = [row for score in scores for row in flag_rows(score, stamp=stamp)]
    return Part(
        _table(_columns(group.calls) | carried | _columns(scored) | _stamped(stamp, len(rows)), schemas["calls"]),
        _table(_columns(group.segments) | _stamped(stamp, group.segments.num_rows), schemas["segments"]),
        pa.Table.from_pylist(flags, schemas["flags"]),
    )


def _stamped(stamp: Stamp, rows: int) -> dict[str, pa.Array]:
    return {name: pa.repeat(value, rows) for name, value in stamp_row(stamp).items()}


def _columns(table: pa.Table) -> dict[str, pa.ChunkedArray]:
    return dict(zip(table.column_names, table.columns, strict=True))


def _table(columns: Mapping[str, Any], schema: pa.Schema) -> pa.Table:
    return pa.table([columns[name] for name in schema.names], schema=schema)


class TableWriter:
    """One table, written row group by row group."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self.path = path
        self._schema = schema
        self._buffer: list[dict[str, Any]] = []
        self._ready: list[pa.Table] = []
        self._waiting = 0  # rows in both
        self._rows = 0
        self._file = pq.ParquetWriter(path, schema, compression="zstd", write_page_checksum=True)

    def __len__(self) -> int:
        return self._waiting

    def add(self, rows: Sequence[dict[str, Any]]) -> None:
        """Keep rows for the next row group."""
        self._buffer += rows
        self._waiting += len(rows)

    def add_table(self, table: pa.Table) -> None:
        """Keep rows that are in Arrow's form already."""
        self._gather()
        self._ready.append(table)
        self._waiting += table.num_rows

    def flush(self) -> None:
        """Write what is kept as a row group."""
        if self._waiting:
            reach("write")
            self._gather()
            whole = pa.concat_tables(self._ready).combine_chunks()  # in one piece, so that its bytes do not depend on the pieces
            self._file.write_table(whole, row_group_size=self._waiting)
            self._rows += self._waiting
            self._ready.clear()
            self._waiting = 0

    def _gather(self) -> None:
        if self._buffer:
            self._ready.append(pa.Table.from_pylist(self._buffer, schema=self._schema))
            self._buffer.clear()

    def finish(self) -> TableFile:
        """Close, bring to disk, and read every row back. Raises RunError where they differ from what was written."""
        self.flush()
        reach("close")
        self._file.close()
        reach("table-sync")
        sync(self.path)
        reach("verify")
        try:
            with open_parquet(self.path) as file:
                found = sum(batch.num_rows for batch in read_batches(file))
        except FileError as error:
            raise RunError(f"{self.path}: what was written does not read back: check the disk and run again") from error
        if found != self._rows:
            raise RunError(f"{self.path}: {found} rows on disk, {self._rows} were written: check the disk and run again")
        return TableFile(found, self.path.stat().st_size, file_hash(self.path))

    def close(self) -> None:
        """Let go of the file; nothing after `finish`."""
        self._file.close()


class ShardWriter:
    """Writes the four tables of one shard into `folder`, which is made for it and is nobody's business until it is finished.

    Raises RunError where it cannot be written to.
    """

    def __init__(self, folder: Path, tables: RunTables) -> None:
        self.folder = folder
        self._about = tables
        self._outputs = tables.outputs
        self._tables: dict[str, TableWriter] = {}
        self._characters = 0  # of the segments that are held

    def __enter__(self) -> Self:
        try:
            self.folder.mkdir(parents=True)
            for name, schema in self._about.schemas.items():
                self._tables[name] = TableWriter(self.folder / f"{name}.parquet", schema)
        except OSError as error:
            raise unwritable(self.folder, error) from error
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for table in self._tables.values():
            table.close()  # makes a valid, short file after an error, which stays where it is staged

    def write_call(self, judged: JudgedCall, score: CallScore) -> None:
        """Keep one call; the calls of a shard come in ascending order of call_id."""
        self._tables["calls"].add([call_row(judged, score, outputs=self._outputs, stamp=self._about.stamp)])
        self._tables["segments"].add(segment_rows(judged, self._about.labels, stamp=self._about.stamp))
        self._tables["flags"].add(flag_rows(score, stamp=self._about.stamp))
        self._characters += judged.call.characters
        if self._is_full():
            self._flush()

    def write_part(self, part: Part) -> None:
        """Keep calls that are ready, as `write_call` would one by one."""
        taken = at = (0, 0, 0)
        ends = [0, *pc.cumulative_sum(pc.utf8_length(part.segments.column("text"))).to_pylist()]  # of segments, in characters
        for segments, flags in zip(part.calls.column("segments").to_pylist(), part.calls.column("flags").to_pylist(), strict=True):
            self._characters += ends[at[1] + segments] - ends[at[1]]
            at = (at[0] + 1, at[1] + segments, at[2] + flags)
            if self._is_full(calls=at[0] - taken[0], segments=at[1] - taken[1]):
                self._take(part, taken, at)
                self._flush()
                taken = at
        self._take(part, taken, at)

    def _take(self, part: Part, start: tuple[int, int, int], end: tuple[int, int, int]) -> None:
        for name, first, last in zip(("calls", "segments", "flags"), start, end, strict=True):
            self._tables[name].add_table(getattr(part, name).slice(first, last - first))

    def _is_full(self, *, calls: int = 0, segments: int = 0) -> bool:
        held = (len(self._tables["calls"]) + calls, len(self._tables["segments"]) + segments, self._characters)
        return any(count >= most for count, most in zip(held, (GROUP_CALLS, GROUP_SEGMENTS, GROUP_CHARACTERS), strict=True))

    def write_reject(self, reject: Reject) -> None:
        """Keep one reject."""
        self._tables["rejects"].add([reject_row(reject, stamp=self._about.stamp)])
        if len(self._tables["rejects"]) >= GROUP_CALLS:
            self._flush()

    def finish(self) -> dict[str, TableFile]:
        """Bring all tables to disk and verify them."""
        try:
            return {name: table.finish() for name, table in self._tables.items()}
        except OSError as error:
            raise unwritable(self.folder, error) from error

    def _flush(self) -> None:
        self._characters = 0
        try:
            for table in self._tables.values():
                table.flush()
        except OSError as error:
            raise unwritable(self.folder, error) from error

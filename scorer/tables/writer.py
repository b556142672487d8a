"""How do results get onto disk, all or nothing?"""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from scorer.errors import RunError
from scorer.labels import Label
from scorer.records import CallScore, JudgedCall, Reject
from scorer.tables.carried import output_names
from scorer.tables.rows import call_row, flag_rows, reject_row, segment_rows
from scorer.tables.schemas import STAMP, TABLES, Stamp, calls_schema, flags_schema, rejects_schema, segments_schema

GROUP_CALLS = 2000  # calls per row group
GROUP_SEGMENTS = 50_000  # segments that are held at most before a row group is written
PART = "part-00000.parquet"


class TableWriter:
    """One table, written row group by row group to a staging folder."""

    def __init__(self, folder: Path, schema: pa.Schema) -> None:
        folder.mkdir(parents=True)
        self.path = folder / PART
        self._schema = schema
        self._buffer: list[dict[str, Any]] = []
        self._rows = 0
        self._file = pq.ParquetWriter(self.path, schema, compression="zstd", write_page_checksum=True)

    def __len__(self) -> int:
        return len(self._buffer)

    def add(self, rows: Sequence[dict[str, Any]]) -> None:
        """Keep rows for the next row group."""
        self._buffer += rows

    def flush(self) -> None:
        """Write what is kept as a row group."""
        if self._buffer:
            self._file.write_table(pa.Table.from_pylist(self._buffer, schema=self._schema), row_group_size=len(self._buffer))
            self._rows += len(self._buffer)
            self._buffer.clear()

    def finish(self) -> None:
        """Close, bring to disk, and read the row count back. Raises RunError where it differs."""
        self.flush()
        self._file.close()
        _sync(self.path)
        found = pq.read_metadata(self.path).num_rows
        if found != self._rows:
            raise RunError(f"{self.path}: {found} rows on disk, {self._rows} were written: check the disk and run again")

    def close(self) -> None:
        """Let go of the file; nothing after `finish`."""
        self._file.close()


class RunWriter:
    """Writes the four tables of a run; nothing is under a final name before `commit`.

    `behaviours` are the names in the rubric, `carried` is CallReader.carried.
    Raises RunError where `out` already holds a table, or cannot be written to.
    """

    def __init__(self, out: Path, labels: Sequence[Label], behaviours: Sequence[str], carried: pa.Schema, stamp: Stamp) -> None:
        self._out = out
        self._staging = out / ".staging"
        self._labels = tuple(labels)
        self._stamp = stamp
        own = [name for name in calls_schema(behaviours, pa.schema([])).names if name not in STAMP]
        self._outputs = output_names(carried, [*own, *STAMP])
        self._schemas = {
            "segments": segments_schema(labels),
            "flags": flags_schema(),
            "rejects": rejects_schema(),
            "calls": calls_schema(behaviours, carried),
        }
        self._tables: dict[str, TableWriter] = {}

    def __enter__(self) -> Self:
        there = [name for name in TABLES if (self._out / name).exists()]
        if there:
            raise RunError(f"{self._out} already holds {', '.join(there)}: choose another folder or delete it")
        try:
            shutil.rmtree(self._staging, ignore_errors=True)  # of a run that was killed
            self._tables = {name: TableWriter(self._staging / name, schema) for name, schema in self._schemas.items()}
        except OSError as error:
            raise self._unwritable(error) from error
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            for table in self._tables.values():
                table.close()
        finally:
            shutil.rmtree(self._staging, ignore_errors=True)

    def write_call(self, judged: JudgedCall, score: CallScore) -> None:
        """Keep one call; calls come in ascending order of call_id."""
        self._tables["calls"].add([call_row(judged, score, outputs=self._outputs, stamp=self._stamp)])
        self._tables["segments"].add(segment_rows(judged, self._labels, stamp=self._stamp))
        self._tables["flags"].add(flag_rows(score, stamp=self._stamp))
        if len(self._tables["calls"]) >= GROUP_CALLS or len(self._tables["segments"]) >= GROUP_SEGMENTS:
            self._flush()

    def write_reject(self, reject: Reject) -> None:
        """Keep one reject."""
        self._tables["rejects"].add([reject_row(reject, stamp=self._stamp)])
        if len(self._tables["rejects"]) >= GROUP_CALLS:
            self._flush()

    def commit(self) -> None:
        """Check what was written and give it its final names, calls/ last."""
        try:
            for table in self._tables.values():
                table.finish()
            for name in TABLES:
                _sync(self._staging / name)
                os.replace(self._staging / name, self._out / name)
            _sync(self._out)
        except OSError as error:
            raise self._unwritable(error) from error

    def _flush(self) -> None:
        try:
            for table in self._tables.values():
                table.flush()
        except OSError as error:
            raise self._unwritable(error) from error

    def _unwritable(self, error: OSError) -> RunError:
        return RunError(f"{self._out}: cannot be written ({error.strerror or type(error).__name__}): check space and permissions")


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

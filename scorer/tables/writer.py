"""How does a shard's result get onto disk, and is it what was written?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from scorer.durable import file_hash, sync, unwritable
from scorer.errors import RunError
from scorer.faults import reach
from scorer.labels import Label
from scorer.manifest import TableFile
from scorer.records import CallScore, JudgedCall, Reject
from scorer.tables.carried import output_names
from scorer.tables.files import FileError, open_parquet, read_batches
from scorer.tables.rows import call_row, flag_rows, reject_row, segment_rows
from scorer.tables.schemas import STAMP, Stamp, calls_schema, flags_schema, rejects_schema, segments_schema

GROUP_CALLS = 2000  # calls per row group
GROUP_SEGMENTS = 50_000  # segments that are held at most before a row group is written


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


class TableWriter:
    """One table, written row group by row group."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self.path = path
        self._schema = schema
        self._buffer: list[dict[str, Any]] = []
        self._rows = 0
        self._file = pq.ParquetWriter(path, schema, compression="zstd", write_page_checksum=True)

    def __len__(self) -> int:
        return len(self._buffer)

    def add(self, rows: Sequence[dict[str, Any]]) -> None:
        """Keep rows for the next row group."""
        self._buffer += rows

    def flush(self) -> None:
        """Write what is kept as a row group."""
        if self._buffer:
            reach("write")
            self._file.write_table(pa.Table.from_pylist(self._buffer, schema=self._schema), row_group_size=len(self._buffer))
            self._rows += len(self._buffer)
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
        if len(self._tables["calls"]) >= GROUP_CALLS or len(self._tables["segments"]) >= GROUP_SEGMENTS:
            self._flush()

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
        try:
            for table in self._tables.values():
                table.flush()
        except OSError as error:
            raise unwritable(self.folder, error) from error

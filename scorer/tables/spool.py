"""How do rows that lie anywhere in the input come out call by call, in bounded memory?"""

import shutil
import tempfile
from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import duckdb
import pyarrow as pa

from scorer.errors import RunError
from scorer.tables.normalise import ROW_SCHEMA

TABLE = """CREATE TABLE rows (
    call_id VARCHAR, file INTEGER, "row" BIGINT, pos INTEGER, segment_index BIGINT, speaker VARCHAR, "text" VARCHAR,
    start_s DOUBLE, end_s DOUBLE, words STRUCT("text" VARCHAR, start_s DOUBLE, end_s DOUBLE)[], mends INTEGER,
    fields BLOB, conflicts INTEGER[], dropped INTEGER)"""
SETTINGS: dict[str, str | bool | int | float | list[str]] = {
    "memory_limit": "512MB",
    "threads": 2,
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}
BUFFERED_ROWS = 16384


class SpoolRow(NamedTuple):
    """One row as it comes back; the fields are those of ROW_SCHEMA."""

    call_id: str
    file: int
    row: int
    pos: int | None
    segment_index: int | None
    speaker: str
    text: str
    start_s: float | None
    end_s: float | None
    words: list[dict[str, Any]] | None
    mends: int
    fields: bytes | None
    conflicts: list[int] | None
    dropped: int | None


class Spool:
    """A private folder with a database file, gone when the `with` block ends.

    Raises RunError where the folder cannot be written to.
    """

    def __init__(self, workdir: Path) -> None:
        self._workdir = workdir
        self._buffer: list[pa.RecordBatch] = []

    def __enter__(self) -> Self:
        try:
            self._workdir.mkdir(parents=True, exist_ok=True)
            self._folder = Path(tempfile.mkdtemp(prefix="spool-", dir=self._workdir))  # readable by its owner only
            self._base = duckdb.connect(str(self._folder / "rows.duckdb"), config=SETTINGS | {"temp_directory": str(self._folder)})
            self._base.execute(TABLE)
        except (OSError, duckdb.Error) as error:
            raise self._full(error) from error
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._base.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def add(self, batch: pa.RecordBatch) -> None:
        """Keep a batch of ROW_SCHEMA."""
        self._buffer.append(batch)
        if sum(kept.num_rows for kept in self._buffer) >= BUFFERED_ROWS or batch.nbytes > 1 << 24:
            self._flush()

    def calls(self) -> Iterator[tuple[str, list[SpoolRow]]]:
        """The rows of each call in input order, calls in ascending order of call_id."""
        self._flush()
        yield from ((call_id, list(rows)) for call_id, rows in groupby(self._sorted(), key=itemgetter(0)))

    def _sorted(self) -> Iterator[SpoolRow]:
        try:
            result = self._base.sql('SELECT * FROM rows ORDER BY call_id, file, "row", pos')
            for batch in result.to_arrow_reader(1024):
                columns = [column.to_pylist() for column in batch.columns]
                yield from (SpoolRow(*row) for row in zip(*columns, strict=True))
        except duckdb.Error as error:
            raise self._full(error) from error

    def _flush(self) -> None:
        if not self._buffer:
            return
        try:
            self._base.register("incoming", pa.Table.from_batches(self._buffer, schema=ROW_SCHEMA))
            self._base.execute("INSERT INTO rows SELECT * FROM incoming")
            self._base.unregister("incoming")
        except (OSError, duckdb.Error) as error:
            raise self._full(error) from error
        self._buffer.clear()

    def _full(self, error: Exception) -> RunError:
        return RunError(f"{self._workdir}: sorting the input failed ({type(error).__name__}): free disk space there or name another folder")

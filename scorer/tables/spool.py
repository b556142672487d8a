"""How do rows that lie anywhere in the input come out call by call, in bounded memory?"""

import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import duckdb
import pyarrow as pa

from scorer.durable import unwritable
from scorer.errors import RunError
from scorer.stopping import stop_that_came
from scorer.tables.aside import NARROWED, WIDE, narrowed
from scorer.tables.files import BATCH_ROWS

TABLE = """CREATE TABLE rows (
    call_id VARCHAR, file INTEGER, "row" BIGINT, pos INTEGER, segment_index BIGINT, speaker VARCHAR, "text" VARCHAR,
    start_s DOUBLE, end_s DOUBLE, words STRUCT("text" VARCHAR, start_s DOUBLE, end_s DOUBLE)[], mends INTEGER,
    fields BLOB, conflicts INTEGER[], dropped INTEGER, characters BIGINT, width BIGINT, aside BIGINT)"""
PACKS = pa.schema([("file", pa.int32()), ("pack", pa.int32())])
Place = tuple[int, int]  # of a shard: the pack of files that its calls come from, -1 for several; bucket
# The database fills what it may have, however little it needs. What it needs grows with the width of the rows, not with their number:
# it holds a few thousand at once. So this much, or more where a batch of rows is so large, up to what rows can be that are not put aside.
BATCHES_HELD = 32
MEMORY_MB, MOST_MEMORY_MB = 128, max(128, BATCHES_HELD * BATCH_ROWS * WIDE >> 20)
SETTINGS: dict[str, str | bool | int | float | list[str]] = {
    "memory_limit": f"{MEMORY_MB}MB",
    "threads": 1,  # each needs memory of its own, and sorting is a hundredth of the work
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}
QUIET = "SET enable_progress_bar = false"  # in a notebook or with python -c it would draw a bar of its own on stdout
# A call belongs to the pack of files that all its rows come from (see packs.py), or to none (-1); calls of one home are dealt to shards
# by their own hash. So a shard's calls depend on nothing but the files of its pack, and a late file leaves the shards of others alone.
PLAN = """CREATE TABLE calls AS
    WITH sources AS (
        SELECT call_id, list_sort(list(DISTINCT file)) AS files, count(*) AS n, min(pack) AS low, max(pack) AS high
        FROM rows JOIN packs USING (file) GROUP BY call_id),
    homes AS (SELECT call_id, files, n, CASE WHEN low = high THEN low ELSE -1 END AS home FROM sources),
    sizes AS (
        SELECT pack AS home, count(*) AS n FROM rows JOIN packs USING (file) GROUP BY pack
        UNION ALL SELECT -1, sum(n) FROM homes WHERE home = -1)
    SELECT call_id, files, home, (md5_number_lower(call_id) % greatest(1, ceil(sizes.n / ?))::UBIGINT)::INTEGER AS bucket
    FROM homes JOIN sizes USING (home)"""
SORTED = """SELECT calls.home, calls.bucket, rows.* FROM rows JOIN calls USING (call_id) SEMI JOIN wanted USING (home, bucket)
    ORDER BY calls.home, calls.bucket, rows.call_id, file, "row", pos"""


class SpoolRow(NamedTuple):
    """One row as it comes back; the fields are those of NARROWED. What was put aside is not in it."""

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
    characters: int
    width: int
    aside: int | None


class Spool:
    """A private folder with a database file, gone when the `with` block ends.

    Raises RunError where the folder cannot be written to.
    """

    def __init__(self, workdir: Path) -> None:
        self._workdir = workdir

    def __enter__(self) -> Self:
        with self._failing():
            self._workdir.mkdir(parents=True, exist_ok=True)
            self._folder = Path(tempfile.mkdtemp(prefix="spool-", dir=self._workdir))  # readable by its owner only
            self._base = duckdb.connect(str(self._folder / "rows.duckdb"), config=SETTINGS | {"temp_directory": str(self._folder)})
            self._base.execute(QUIET)
            self._base.execute(TABLE)
            self._memory_mb = MEMORY_MB
            self.aside = self._folder.resolve() / "aside"  # what the rows hold no more, for whoever reads them
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._base.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def load(self, paths: Sequence[Path]) -> None:
        """Keep the rows of Arrow files of ROW_SCHEMA, all at once, for each time waits for the disk. The files are removed."""
        with self._failing():
            self._make_room(max(map(_widest, paths), default=0))
            batches = (narrowed(batch, self.aside) for path in paths for batch in _batches(path))
            self._base.register("incoming", pa.RecordBatchReader.from_batches(NARROWED, batches))
            self._base.execute("INSERT INTO rows SELECT * FROM incoming")
            self._base.unregister("incoming")
        for path in paths:
            path.unlink()

    def plan(self, shard_rows: int, packs: Mapping[int, int]) -> Iterator[tuple[Place, str, list[int]]]:
        """Shard (home, bucket), call_id and files of every call, in this order, once all files are loaded; each file is in a pack."""
        with self._failing():
            self._base.register("packed", pa.table({"file": [*packs], "pack": [*packs.values()]}, PACKS))
            self._base.execute("CREATE TABLE packs AS SELECT * FROM packed")
            self._base.unregister("packed")
            self._base.execute(PLAN, [shard_rows])
            result = self._base.cursor().sql("SELECT home, bucket, call_id, files FROM calls ORDER BY home, bucket, call_id")
            for batch in result.to_arrow_reader(1024):
                for home, bucket, call_id, files in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                    yield (home, bucket), call_id, files

    def call_ids(self, shard: Place) -> list[str]:
        """The calls of one shard."""
        with self._failing():
            rows = (
                self._base.cursor()
                .execute("SELECT call_id FROM calls WHERE home = ? AND bucket = ? ORDER BY call_id", list(shard))
                .fetchall()
            )
        return [row[0] for row in rows]

    def shards(self, wanted: Sequence[Place]) -> Iterator[tuple[Place, Iterator[list[SpoolRow]]]]:
        """The wanted shards in order, each with the rows of its calls: those of a call in input order, calls ascending."""
        self._want(wanted)
        for shard, rows in groupby(self._sorted(), key=itemgetter(0)):
            yield shard, (list(call) for _, call in groupby((row for _, row in rows), key=itemgetter(0)))

    def hand_out(self, wanted: Sequence[Place], folder: Path) -> Iterator[tuple[Place, Path, int]]:
        """The wanted shards in order, each in an Arrow file for `read_shard`, written when it is asked for; with its number of rows."""
        self._want(wanted)
        with self._failing():
            pieces = _pieces(self._base.sql(SORTED).to_arrow_reader(1024))
            for number, (place, tables) in enumerate(groupby(pieces, key=itemgetter(0))):
                path = folder / f"shard-{number}.arrow"
                yield place, path, _write_shard(path, (piece for _, piece in tables))

    def _sorted(self) -> Iterator[tuple[Place, SpoolRow]]:
        with self._failing():
            for batch in self._base.sql(SORTED).to_arrow_reader(1024):
                for home, bucket, *row in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                    yield (home, bucket), SpoolRow(*row)

    def _want(self, wanted: Sequence[Place]) -> None:
        with self._failing():
            self._base.execute("CREATE OR REPLACE TABLE wanted (home INTEGER, bucket INTEGER)")
            if wanted:
                self._base.register("asked", pa.table({"home": [x[0] for x in wanted], "bucket": [x[1] for x in wanted]}))
                self._base.execute("INSERT INTO wanted SELECT home, bucket FROM asked")
                self._base.unregister("asked")

    def _make_room(self, widest: int) -> None:
        wanted = min(MOST_MEMORY_MB, BATCHES_HELD * widest >> 20)
        if wanted > self._memory_mb:
            self._base.execute(f"SET memory_limit = '{wanted}MB'")
            self._memory_mb = wanted

    @contextmanager
    def _failing(self) -> Iterator[None]:
        try:
            yield
        except (OSError, RuntimeError, duckdb.Error) as error:
            if stop := stop_that_came():  # to the database it is an error as any other, or a query that was interrupted
                raise stop from error
            if isinstance(error, RuntimeError):
                raise
            what = f"{self._workdir}: sorting the input failed ({type(error).__name__})"
            raise RunError(f"{what}: free disk space there, and memory, and run the same command again") from error


def read_shard(path: Path) -> Iterator[list[SpoolRow]]:
    """The rows of each call in a file of `Spool.hand_out`. Raises RunError where it is not there, or not whole."""
    try:
        with pa.memory_map(str(path)) as source, pa.ipc.open_file(source) as file:
            batches = (file.get_batch(number) for number in range(file.num_record_batches))
            rows = (SpoolRow(*row) for batch in batches for row in zip(*(column.to_pylist() for column in batch.columns), strict=True))
            for _, call in groupby(rows, key=itemgetter(0)):
                yield list(call)
    except (OSError, pa.ArrowException) as error:
        raise RunError(f"{path}: cannot be read ({type(error).__name__}): --out must be on storage that all workers see") from error


def _batches(path: Path) -> Iterator[pa.RecordBatch]:
    with pa.OSFile(str(path)) as source, pa.ipc.open_file(source) as file:  # mapped, all of it would count as ours
        yield from (file.get_batch(number) for number in range(file.num_record_batches))


def _widest(path: Path) -> int:
    """Bytes of the largest batch in an Arrow file."""
    with pa.memory_map(str(path)) as source, pa.ipc.open_file(source) as file:  # the sizes alone: nothing of it is read
        return max((file.get_batch(number).get_total_buffer_size() for number in range(file.num_record_batches)), default=0)


def _write_shard(path: Path, pieces: Iterator[pa.RecordBatch]) -> int:
    """The number of rows."""
    first = next(pieces)
    rows: int = first.num_rows
    try:
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, first.schema) as writer:
            writer.write_batch(first)
            for piece in pieces:
                writer.write_batch(piece)
                rows += piece.num_rows
    except OSError as error:
        raise unwritable(path, error) from error
    return rows


def _pieces(batches: pa.RecordBatchReader) -> Iterator[tuple[Place, pa.RecordBatch]]:
    """The batches, cut where a shard ends."""
    for batch in batches:
        first, rest = 0, batch.select(batch.schema.names[2:])
        for place, rows in groupby(zip(batch.column(0).to_pylist(), batch.column(1).to_pylist(), strict=True)):
            count = sum(1 for _ in rows)
            yield place, rest.slice(first, count)
            first += count

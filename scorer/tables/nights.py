"""What do the tables of a finished run add up to?"""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from scorer.errors import RunError
from scorer.tables.judged import table_files

BINS = 10  # of probabilities and scores
AGENT, TEAM, STARTED = "agent_id", "team", "started_at"  # carried columns that the pages know
FETCHED = 5000  # rows that are held at once
FORMAT = ds.ParquetFileFormat(default_fragment_scan_options=ds.ParquetFragmentScanOptions(page_checksum_verification=True))
CALL = ("call_id", "status", "score", "band", "flags", "duration_s")


def call_facts(run: Path, behaviours: Sequence[str]) -> Iterator[dict[str, Any]]:
    """One row per call, in order of their ids: status, score, band, flags, duration, agent, team, start, hits and chances.

    Agent, team and start (seconds since 1970) are None where the input has no such column.
    """
    table = _Table(run, "calls")
    tallies = [f"{name}_{count}" for name in behaviours for count in ("hits", "chances")]
    carried = [name for name in (AGENT, TEAM, STARTED) if name in table.names]
    with _connected(calls=table) as database:
        cast = [f'epoch(try_cast("{name}" as timestamptz))' if name == STARTED else f'"{name}"::varchar' for name in carried]
        chosen = [f'"{name}"' for name in (*CALL, *tallies)]
        missing = dict.fromkeys((AGENT, TEAM, STARTED))
        found = database.execute(f"select {', '.join([*chosen, *cast])} from calls order by call_id")
        while rows := found.fetchmany(FETCHED):
            yield from (missing | dict(zip((*CALL, *tallies, *carried), row, strict=True)) for row in rows)


def flag_facts(run: Path) -> list[dict[str, Any]]:
    """Call, rule, severity and reason of every flag; no quotes."""
    return _rows(run, "flags", columns=["call_id", "rule", "severity", "reason"])


def reject_facts(run: Path) -> list[dict[str, Any]]:
    """Every reject as it was written."""
    return _rows(run, "rejects")


def label_facts(run: Path, labels: Sequence[str]) -> dict[str, tuple[float, list[str]]]:
    """Per call how many labels the model expects to have wrong (its doubt), and which labels it gave anywhere."""
    doubt = " + ".join(f'coalesce(sum(least("p_{name}", 1 - "p_{name}")), 0)' for name in labels)
    query = f"select call_id, {doubt}, list_sort(list_distinct(flatten(list(labels)))) from segments group by call_id"
    with _connected(segments=_Table(run, "segments")) as database:
        return {call_id: (float(wrong), list(given)) for call_id, wrong, given in database.execute(query).fetchall()}


def drift_facts(run: Path, labels: Sequence[str]) -> dict[str, Any]:
    """What shows whether the model still reads the same kind of calls: rates, means and histograms, no text."""
    with _connected(segments=_Table(run, "segments"), calls=_Table(run, "calls")) as database:
        length, other, count = database.execute(
            "select avg(length(text)), avg(case when speaker = 'other' then 1.0 else 0.0 end), count(*) from segments"
        ).fetchall()[0]
        scores = _histogram(database, "calls", "score / 100")
        found = {}
        for name in labels:
            seen, given, mean = database.execute(
                f'select count("p_{name}"), count(*) filter (list_contains(labels, ?)), avg("p_{name}") from segments', [name]
            ).fetchall()[0]
            found[name] = {"segments": seen, "given": given, "mean": mean, "histogram": _histogram(database, "segments", f'"p_{name}"')}
    return {"segments": count, "text_length": length, "other_share": other, "scores": scores, "labels": found}


def search_calls(run: Path, words: str, *, shown: Callable[[str], str]) -> set[str]:
    """The calls in which someone says the words, upper or lower case, also in the text as it is `shown`: what is hidden is not found."""
    found: set[str] = set()
    with _connected(segments=_Table(run, "segments")) as database:
        said = database.execute("select call_id, text from segments where contains(lower(text), lower(?))", [words])
        while rows := said.fetchmany(FETCHED):
            found.update(call_id for call_id, text in rows if call_id not in found and words.lower() in shown(text).lower())
    return found


def _histogram(database: Any, table: str, value: str) -> list[int]:
    bins = f"least({BINS - 1}, cast(floor({value} * {BINS}) as integer))"
    rows = database.execute(f"select {bins} as bin, count(*) from {table} where {value} is not null group by 1").fetchall()
    counted = dict(rows)
    return [int(counted.get(at, 0)) for at in range(BINS)]


class _Table:
    """A table of a run: its schema, and its rows as they are asked for."""

    def __init__(self, run: Path, name: str) -> None:
        paths = [str(path) for path in table_files(run, name)]
        with _opening(run / name):
            self.data = ds.dataset(paths, format=FORMAT)
        self.names: Collection[str] = self.data.schema.names


def _rows(run: Path, name: str, *, columns: Sequence[str] | None = None) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for path in table_files(run, name):
        with _opening(path):
            table = pq.read_table(path, columns=columns and list(columns), partitioning=None, page_checksum_verification=True)
        found += table.to_pylist()
    return found


@contextmanager
def _opening(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, pa.ArrowException) as error:
        raise RunError(f"{path}: cannot be read ({type(error).__name__}): restore it or score again into a new folder") from error


@contextmanager
def _connected(**tables: _Table) -> Iterator[Any]:
    """A database that sees the tables; what it raises on bad bytes becomes a RunError without its text."""
    try:
        with duckdb.connect() as database:
            for name, table in tables.items():
                database.register(name, table.data)
            yield database
    except (duckdb.Error, pa.ArrowException) as error:
        raise RunError(f"the tables of the run cannot be read ({type(error).__name__}): score again into a new folder") from error

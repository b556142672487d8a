"""What do the tables of a finished run add up to?"""

import datetime as dt
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from scorer.errors import RunError
from scorer.records import Tally
from scorer.tables.files import read_batches
from scorer.tables.judged import table_files
from scorer.tables.spool import QUIET

BINS = 10  # of probabilities and scores
AGENT, TEAM, STARTED = "agent_id", "team", "started_at"  # carried columns that the pages know
FETCHED = 5000  # rows that are held at once
FORMAT = ds.ParquetFileFormat(default_fragment_scan_options=ds.ParquetFragmentScanOptions(page_checksum_verification=True))
DAY_S = 86_400
EPOCH = dt.date(1970, 1, 1)
FIRST_DAY, LAST_DAY = (dt.date.min - EPOCH).days, (dt.date.max - EPOCH).days
CALL = ("call_id", "status", "score", "band", "flags", "duration_s")


def call_facts(run: Path, behaviours: Sequence[str], *, call_ids: Sequence[str] | None = None) -> Iterator[dict[str, Any]]:
    """One row per call, in order of their ids: status, score, band, flags, duration, agent, team, start, hits and chances.

    Agent, team and start (seconds since 1970) are None where the input has no such column. `call_ids` picks some calls.
    """
    table = _Table(run, "calls")
    chosen = {name: f'"{name}"' for name in (*CALL, *_tally_names(behaviours))} | {name: table.carried(name) for name in (AGENT, TEAM)}
    chosen |= {STARTED: table.started()}
    some, asked = ("", []) if call_ids is None else ("where call_id in (select unnest(?::varchar[]))", [list(call_ids)])
    with _connected(calls=table) as database:
        found = database.execute(f"select {', '.join(chosen.values())} from calls {some} order by call_id", asked)
        while rows := found.fetchmany(FETCHED):
            yield from (dict(zip(chosen, row, strict=True)) for row in rows)


def group_sums(run: Path, behaviours: Sequence[str]) -> list[tuple[str, str, int, dict[str, Tally]]]:
    """Team, agent, scored calls and tally of each behaviour, once for every team and agent; both are empty where they are not known."""
    table = _Table(run, "calls")
    groups = [f"coalesce({table.carried(name)}, '') as {at}" for name, at in ((TEAM, "team_"), (AGENT, "agent_"))]
    sums = [f'sum("{name}")' for name in _tally_names(behaviours)]
    query = f"select {', '.join([*groups, 'count(score)', *sums])} from calls group by team_, agent_ order by team_, agent_"
    with _connected(calls=table) as database:
        rows = database.execute(query).fetchall()
    return [
        (team, agent, scored, dict(zip(behaviours, map(Tally, counts[::2], counts[1::2]), strict=True)))
        for team, agent, scored, *counts in rows
    ]


def score_bars(run: Path, bins: int) -> list[int]:
    """The scored calls by their score, 0 to 100, in so many bars of equal width; the highest score is in the last."""
    with _connected(calls=_Table(run, "calls")) as database:
        return _histogram(database, "calls", f"score / {100 / bins}", bins)


def most_common_day(run: Path) -> dt.date | None:
    """The day (UTC) on which most of the calls began; None where no call has a start."""
    table = _Table(run, "calls")
    days = f"select call_id, try_cast(floor({table.started()} / {DAY_S}) as bigint) as day from calls"
    query = (
        f"select day from ({days}) where day between {FIRST_DAY} and {LAST_DAY} group by day order by count(*) desc, min(call_id) limit 1"
    )
    with _connected(calls=table) as database:
        found = database.execute(query).fetchone()
    return EPOCH + dt.timedelta(days=found[0]) if found else None


def flag_facts(run: Path) -> Iterator[dict[str, Any]]:
    """Call, rule, severity, reason, score and band of every flag, those of a call one after the other; no quotes."""
    return _rows(run, "flags", columns=["call_id", "rule", "severity", "reason", "score", "band"])


def reject_facts(run: Path) -> Iterator[dict[str, Any]]:
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
        scores = _histogram(database, "calls", f"score / 100 * {BINS}")
        found = {}
        for name in labels:
            seen, given, mean = database.execute(
                f'select count("p_{name}"), count(*) filter (list_contains(labels, ?)), avg("p_{name}") from segments', [name]
            ).fetchall()[0]
            found[name] = {
                "segments": seen,
                "given": given,
                "mean": mean,
                "histogram": _histogram(database, "segments", f'"p_{name}" * {BINS}'),
            }
    return {"segments": count, "text_length": length, "other_share": other, "scores": scores, "labels": found}


def search_calls(run: Path, words: str, *, shown: Callable[[str], str]) -> set[str]:
    """The calls in which someone says the words, upper or lower case, also in the text as it is `shown`: what is hidden is not found."""
    found: set[str] = set()
    with _connected(segments=_Table(run, "segments")) as database:
        said = database.execute("select call_id, text from segments where contains(lower(text), lower(?))", [words])
        while rows := said.fetchmany(FETCHED):
            found.update(call_id for call_id, text in rows if call_id not in found and words.lower() in shown(text).lower())
    return found


def _tally_names(behaviours: Sequence[str]) -> list[str]:
    return [f"{name}_{count}" for name in behaviours for count in ("hits", "chances")]


def _histogram(database: Any, table: str, place: str, bins: int = BINS) -> list[int]:
    """How often each bin is met; `place` is 0 to `bins`."""
    query = f"select least({bins - 1}, cast(floor({place}) as integer)) as bin, count(*) from {table} where {place} is not null group by 1"
    counted = dict(database.execute(query).fetchall())
    return [int(counted.get(at, 0)) for at in range(bins)]


class _Table:
    """A table of a run: its schema, and its rows as they are asked for."""

    def __init__(self, run: Path, name: str) -> None:
        paths = [str(path) for path in table_files(run, name)]
        with _opening(run / name):
            self.data = ds.dataset(paths, format=FORMAT)
        self.names: Collection[str] = self.data.schema.names

    def carried(self, name: str) -> str:
        """A carried column as text; null where there is none."""
        return f'"{name}"::varchar' if name in self.names else "null::varchar"

    def started(self) -> str:
        """When a call began, in seconds since 1970; null where nobody knows."""
        return f'epoch(try_cast("{STARTED}" as timestamptz))' if STARTED in self.names else "null::double"


def _rows(run: Path, name: str, *, columns: Sequence[str] | None = None) -> Iterator[dict[str, Any]]:
    for path in table_files(run, name):
        with _opening(path), pq.ParquetFile(path, page_checksum_verification=True) as file:
            for batch in read_batches(file, rows=FETCHED, columns=columns):
                yield from batch.to_pylist()


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
            database.execute(QUIET)
            database.execute("SET TimeZone = 'UTC'")  # a start without a zone is the same day on every machine
            for name, table in tables.items():
                database.register(name, table.data)
            yield database
    except (duckdb.Error, pa.ArrowException) as error:
        raise RunError(f"the tables of the run cannot be read ({type(error).__name__}): score again into a new folder") from error

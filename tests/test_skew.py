"""Do lopsided nights come out whole, with the right results and in bounded memory? SCORER_SOAK=1 makes them as large as they can get."""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from nights import arguments, broken, call_rows
from nursery import Nursery

pytestmark = pytest.mark.slow
SOAK = "SCORER_SOAK" in os.environ
CAP_MB = 1500  # of the largest process of a run, torch and DuckDB's 512 MB included
AT_ONCE = 20_000  # rows of a row group, and all that a test holds of its night
DAYS = ("2026-11-19", "2026-11-20")
LABELS = {
    ("agent", "word"): [],
    ("customer", "word"): [],
    ("customer", "broken"): ["problem"],
    ("agent", "sorry"): ["apology"],
    ("customer", "cancel"): ["exit_request"],
    ("agent", "stay"): ["retention_pushiness"],
    ("agent", "fix"): ["ownership"],
}
Rows = Iterable[dict[str, Any]]


class Desk:
    """Runs a night with the keyword model, and looks at what came of it."""

    def __init__(self, folder: Path, model: Path, nursery: Nursery) -> None:
        self.night, self.out = folder / "night", folder / "out"
        self._model, self._nursery = model, nursery
        self._config = folder / "scoring.yaml"
        self._config.write_text("{}\n" if SOAK else "model: {shard_rows: 500}\n")

    def write(self, name: str, rows: Rows) -> int:
        """One file of the night; how many rows it has."""
        path = self.night / name
        path.parent.mkdir(parents=True, exist_ok=True)
        schema = pa.Table.from_pylist(call_rows("x", turns=1)).schema.append(pa.field("agent_id", pa.string()))
        held: list[dict[str, Any]] = []
        with pq.ParquetWriter(path, schema) as file:
            for row in rows:
                held.append(row)
                if len(held) == AT_ONCE:
                    file.write_table(pa.Table.from_pylist(held, schema=schema))
                    held.clear()
            file.write_table(pa.Table.from_pylist(held, schema=schema))
        return int(pq.read_metadata(path).num_rows)

    def run(self, rows: int, *more: object, out: Path | None = None) -> None:
        """Run the night, of which no row may be lost and every segment must have the labels of its word."""
        running = self._nursery.start(*arguments(self.night, self.out, self._model, self._config, *more))
        assert running.wait() == 0, running.said()
        out = out or self.out
        run = json.loads((out / "run.json").read_text())
        print(f"{rows} rows, {len(run['shards'])} shards: {run['seconds']} s, {running.cpu_s:.0f} s of CPU, {running.peak_mb} MB")
        assert running.peak_mb < CAP_MB or not SOAK
        assert run["counts"]["rows_scored"] + run["counts"]["rows_rejected"] == rows
        assert run["counts"]["rows_scored"] == self.ask("segments", "count(*)", out=out)[0][0] == rows
        found = self.ask("segments", "distinct speaker, text, labels", out=out)
        assert {(speaker, text): labels for speaker, text, labels in found}.items() <= LABELS.items() and len(found) <= len(LABELS)
        assert broken(out) == []

    def ask(self, table: str, columns: str, *, out: Path | None = None) -> list[Any]:
        """Rows of a table of the run."""
        with duckdb.connect() as base:
            return base.sql(f"select {columns} from '{out or self.out}/{table}/*.parquet'").fetchall()


@pytest.fixture
def desk(tmp_path: Path, keyword_folder: Path, nursery: Nursery) -> Desk:
    return Desk(tmp_path, keyword_folder, nursery)


def test_one_call_of_very_many_segments(desk: Desk) -> None:
    turns = 50_000 if SOAK else 3000
    rows = desk.write("long.parquet", call_rows("long", turns=turns))

    desk.run(rows)

    # 25 x 1 for never cutting in, 25 x 0 for pressing on, and one endless problem: 30 x 1 as it is taken on, 20 x 1 for an apology
    columns = "segments, raw_score, interruption_hits, ownership_chances, ownership_hits, apology_chances, apology_hits"
    assert desk.ask("calls", columns) == [(turns, 75.0, 0, 1, 1, 1, 1)]
    assert desk.ask("segments", "count(distinct segment_index), min(segment_index), max(segment_index)") == [(turns, 0, turns - 1)]


def test_very_many_calls_of_three_segments(desk: Desk) -> None:
    calls = 500_000 if SOAK else 2000
    rows = desk.write("short.parquet", (row for n in range(calls) for row in call_rows(f"{n:06}", turns=3)))

    desk.run(rows)

    assert rows == 3 * calls
    assert desk.ask("calls", "count(*), count(distinct call_id), any_value(status), count(distinct status), count(score)") == [
        (calls, calls, "insufficient", 1, 0)
    ]
    assert desk.ask("segments", "count(distinct (call_id, segment_index))") == [(rows,)]


def test_calls_whose_segments_lie_in_files_of_two_days(desk: Desk) -> None:
    calls = 20_000 if SOAK else 100
    found = [
        desk.write(f"date={day}/part.parquet", (row for n in range(calls) for row in call_rows(f"{n:05}", turns=10, part=(part, 2))))
        for part, day in enumerate(DAYS)
    ]

    for day, rows in zip(DAYS, found, strict=True):  # a night of its own each: what the other day holds is not seen
        desk.run(rows, "--date", day, out=desk.out / f"date={day}")
        assert desk.ask("calls", "count(*), min(segments), max(segments)", out=desk.out / f"date={day}") == [(calls, 5, 5)]
    desk.out = desk.out.with_name("both")
    desk.run(sum(found))  # one night of both: the calls are whole
    assert desk.ask("calls", "count(*), count(distinct call_id), min(segments), max(segments)") == [(calls, calls, 10, 10)]
    # never cutting in 25 x 1, pressing on once 25 x 0.7, ownership 30 x 1, apology 20 x 1
    assert desk.ask("calls", "distinct raw_score") == [(92.5,)]


def test_half_of_the_calls_by_one_agent(desk: Desk) -> None:
    calls = 50_000 if SOAK else 400
    agents = ["busy" if n % 2 else f"agent-{n}" for n in range(calls)]
    rows = desk.write(
        "agents.parquet", (row | {"agent_id": agent} for n, agent in enumerate(agents) for row in call_rows(f"{n:06}", turns=7))
    )

    desk.run(rows)

    assert desk.ask("calls", "count(*) filter (agent_id = 'busy'), count(*), count(distinct agent_id)") == [
        (calls // 2, calls, calls // 2 + 1)
    ]

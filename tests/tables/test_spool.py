"""Rows of any width are sorted in bounded memory, and sorting ends when it is told to."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from scorer.stopping import Stopped, stoppable
from scorer.tables.aside import HEAVY, WIDE, fetch
from scorer.tables.normalise import ROW_SCHEMA
from scorer.tables.spool import Spool, SpoolRow


def write_rows(path: Path, *, batches: int) -> Path:
    rows = 1024
    given = {"call_id": ["a"] * rows, "file": [0] * rows, "row": [*range(rows)], "speaker": ["agent"] * rows, "text": ["word " * 20] * rows}
    batch = pa.record_batch(dict.fromkeys(ROW_SCHEMA.names, [None] * rows) | given, schema=ROW_SCHEMA)
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, ROW_SCHEMA) as writer:
        for _ in range(batches):
            writer.write_batch(batch)
    return path


def read_back(spool: Spool) -> Iterator[list[SpoolRow]]:
    places = sorted({place for place, _, _ in spool.plan(1000, {0: 0})})
    return (call for _, calls in spool.shards(places) for call in calls)


@pytest.mark.slow
def test_rows_of_any_width_are_sorted_in_little_memory(tmp_path: Path) -> None:
    rows, long = 2000, "word " * 20_000
    given = {"call_id": [f"{n % 3}" for n in range(rows)], "file": [0] * rows, "row": [*range(rows)], "speaker": ["agent"] * rows}
    batch = pa.record_batch(dict.fromkeys(ROW_SCHEMA.names, [None] * rows) | given | {"text": [long] * rows}, schema=ROW_SCHEMA)
    with pa.OSFile(str(tmp_path / "0.arrow"), "wb") as sink, pa.ipc.new_file(sink, ROW_SCHEMA) as writer:
        for first in range(0, rows, 100):
            writer.write_batch(batch.slice(first, 100))

    with Spool(tmp_path / "work") as spool:
        spool.load([tmp_path / "0.arrow"])
        found = {rows[0].call_id: rows for rows in read_back(spool)}

        assert {call_id: [row.row for row in call] for call_id, call in found.items()} == {f"{n}": [*range(n, rows, 3)] for n in range(3)}
        assert fetch(spool.aside, found["2"][-1].aside or 0) == {"text": long, "words": None, "fields": None}


def test_only_what_is_wide_is_put_aside_and_all_of_it_comes_back(tmp_path: Path) -> None:
    word = {"text": "w", "start_s": 1.0, "end_s": 2.0}
    heavy = [
        ("short", [word], b"team"),
        ("é" * WIDE, None, None),
        ("", [word] * WIDE, b"x"),
        ("plain", None, b"f" * (WIDE + 1)),
        ("", None, None),
    ]
    columns = {"call_id": [*"abcde"], "file": [0] * 5, "row": [*range(5)], "speaker": ["agent"] * 5}
    columns |= {name: [row[at] for row in heavy] for at, name in enumerate(HEAVY)}
    with pa.OSFile(str(tmp_path / "0.arrow"), "wb") as sink, pa.ipc.new_file(sink, ROW_SCHEMA) as writer:
        writer.write_batch(pa.record_batch(dict.fromkeys(ROW_SCHEMA.names, [None] * 5) | columns, schema=ROW_SCHEMA))

    with Spool(tmp_path / "work") as spool:
        spool.load([tmp_path / "0.arrow"])
        rows = [row for (row,) in read_back(spool)]

        assert [row.aside is None for row in rows] == [True, False, False, False, True]
        assert [row.characters for row in rows] == [5, WIDE, 0, 5, 0]
        assert [row.width for row in rows] == [5 + 17 + 4, 2 * WIDE, 17 * WIDE + 1, 5 + WIDE + 1, 0]
        whole = [row if row.aside is None else row._replace(**fetch(spool.aside, row.aside)) for row in rows]
        assert [(row.text, row.words, row.fields) for row in whole] == heavy


def stopped_while(step: str, path: Path, number: int) -> int:
    """What a run exits with that is told to stop while it does this step."""
    try:
        with stoppable(), Spool(path.parent / "work") as spool:
            if step == "load":
                threading.Timer(0.05, os.kill, (os.getpid(), number)).start()
            spool.load([path])
            if step == "plan":
                threading.Timer(0.02, os.kill, (os.getpid(), number)).start()
                list(spool.plan(1000, {0: 0}))
            signal.pause()  # where the machine was quicker
    except Stopped as stop:
        return stop.exit_code
    return 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("step", "number", "code"), [("load", signal.SIGTERM, 143), ("load", signal.SIGINT, 130), ("plan", signal.SIGTERM, 143)]
)
def test_a_signal_while_rows_are_sorted_stops_the_run(tmp_path: Path, step: str, number: signal.Signals, code: int) -> None:
    path = write_rows(tmp_path / "0.arrow", batches=700)

    ended = subprocess.run([sys.executable, __file__, step, path, str(int(number))], capture_output=True, text=True)

    assert (ended.returncode, ended.stderr) == (code, "")
    assert list((tmp_path / "work").iterdir()) == []


OPENS = """
import sys
from pathlib import Path
from scorer.tables import nights, spool
asked = "select current_setting('enable_progress_bar')"
with spool.Spool(Path(sys.argv[1])) as rows, nights._connected() as tables:
    print([found.execute(asked).fetchone() for found in (rows._base, rows._base.cursor(), tables)])
"""


def test_the_database_draws_nothing_on_stdout(tmp_path: Path) -> None:
    command = [sys.executable, "-c", OPENS, str(tmp_path)]  # here its bar is on; in a program that is a file it is off from the start

    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout

    assert said == "[(False,), (False,), (False,)]\n"


if __name__ == "__main__":  # a process of its own: what watches over a stop ends it hard in the end
    sys.exit(stopped_while(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])))

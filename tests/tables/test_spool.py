"""Sorting rows ends when it is told to."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pyarrow as pa
import pytest

from scorer.stopping import Stopped, stoppable
from scorer.tables.normalise import ROW_SCHEMA
from scorer.tables.spool import Spool


def write_rows(path: Path, *, batches: int) -> Path:
    rows = 1024
    given = {"call_id": ["a"] * rows, "file": [0] * rows, "row": [*range(rows)], "speaker": ["agent"] * rows, "text": ["word " * 20] * rows}
    batch = pa.record_batch(dict.fromkeys(ROW_SCHEMA.names, [None] * rows) | given, schema=ROW_SCHEMA)
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, ROW_SCHEMA) as writer:
        for _ in range(batches):
            writer.write_batch(batch)
    return path


def stopped_while(step: str, path: Path, number: int) -> int:
    """What a run exits with that is told to stop while it does this step."""
    try:
        with stoppable(), Spool(path.parent / "work") as spool:
            if step == "load":
                threading.Timer(0.05, os.kill, (os.getpid(), number)).start()
            spool.load(path)
            if step == "plan":
                threading.Timer(0.02, os.kill, (os.getpid(), number)).start()
                list(spool.plan(1000))
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


if __name__ == "__main__":  # a process of its own: what watches over a stop ends it hard in the end
    sys.exit(stopped_while(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])))

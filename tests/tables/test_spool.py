"""Sorting rows ends when it is told to."""

import os
import signal
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


def stop_in(seconds: float, number: signal.Signals) -> None:
    threading.Timer(seconds, os.kill, (os.getpid(), number)).start()


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_while_rows_are_loaded_stops_the_run(tmp_path: Path, number: signal.Signals, code: int) -> None:
    path = write_rows(tmp_path / "0.arrow", batches=700)

    with pytest.raises(Stopped) as caught, stoppable(), Spool(tmp_path / "work") as spool:
        stop_in(0.05, number)
        spool.load(path)
        signal.pause()  # where the machine was quicker

    assert caught.value.exit_code == code and path.exists()
    assert list((tmp_path / "work").iterdir()) == []


@pytest.mark.slow
def test_a_signal_while_calls_are_dealt_to_shards_stops_the_run(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "0.arrow", batches=700)

    with pytest.raises(Stopped) as caught, stoppable(), Spool(tmp_path / "work") as spool:
        spool.load(path)
        stop_in(0.02, signal.SIGTERM)
        list(spool.plan(1000))
        signal.pause()

    assert caught.value.exit_code == 143

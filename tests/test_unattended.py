"""What an unattended night promises, one test a guarantee; every run is a process of its own that can be killed."""

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from nights import ROOT, arguments, broken, call_rows, leftovers, published, small_shards, write_night
from nursery import Nursery, Running, pipe

from scorer.faults import POINTS

pytestmark = pytest.mark.slow
AFTER_RUN_JSON = POINTS[POINTS.index("manifest-named") :]
SOAK = "SCORER_SOAK" in os.environ  # an hour instead of minutes


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, keyword_folder: Path, nursery: Nursery) -> "Bench":
    """A night, and what a run of it gives that nobody disturbs."""
    folder = tmp_path_factory.mktemp("undisturbed")
    bench = Bench(write_night(folder / "night"), keyword_folder, small_shards(folder), nursery, folder / "out")
    bench.clean = bench.run_to(bench.out)
    return bench


@pytest.fixture
def bench(tmp_path: Path, undisturbed: "Bench") -> "Bench":
    return replace(undisturbed, out=tmp_path / "out")


@dataclass
class Bench:
    """How a night is run, and what must come of it."""

    night: Path
    model: Path
    config: Path
    nursery: Nursery
    out: Path
    clean: dict[str, str] = field(default_factory=dict)

    def own_night(self) -> None:
        """A copy of the night to put files into."""
        self.night = Path(shutil.copytree(self.night, self.out.with_name("night")))

    def run_to(self, out: Path) -> dict[str, str]:
        code, said = self.run(out)
        assert code == 0, said
        return published(out)

    def command(self, out: Path, *more: object) -> list[object]:
        return arguments(self.night, out, self.model, self.config, *more)

    def run(self, out: Path, *more: object, fault: str = "", **limits: int) -> tuple[int, str]:
        return self.nursery.run(*self.command(out, *more), fault=fault, **limits)

    def start(self, out: Path, *more: object, fault: str = "") -> Running:
        return self.nursery.start(*self.command(out, *more), fault=fault)

    def check_rerun(self, out: Path) -> None:
        """Starting again gives what an undisturbed run gives, and nothing beside it."""
        assert broken(out) == []
        assert self.run_to(out) == self.clean
        assert leftovers(out) == []


def events(said: str, name: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    return [line for line in lines if line["event"] == name]


def test_kills_at_random_moments_lose_nothing_and_show_nothing_partial(bench: Bench) -> None:
    chosen = random.Random(5)
    began = time.monotonic()
    bench.run_to(bench.out.with_name("timed"))
    length = time.monotonic() - began
    finished = 0

    for _ in range(200 if SOAK else 6):
        running = bench.start(bench.out)
        until = time.monotonic() + chosen.uniform(0, length)
        while time.monotonic() < until:
            assert broken(bench.out) == []
        with suppress(ProcessLookupError):  # it has ended already
            os.kill(running.pid, signal.SIGKILL)
        if running.wait() == 0:
            assert published(bench.out) == bench.clean
            shutil.rmtree(bench.out)
            finished += 1
    print(f"{finished} of the runs were done before they were killed")
    bench.check_rerun(bench.out)


@pytest.mark.parametrize("action", ["kill", "error", "enospc"])
def test_every_step_may_fail(bench: Bench, action: str) -> None:
    for point in POINTS:  # in the order in which a run reaches them: each run gets one step further than the one before
        code, said = bench.run(bench.out, fault=f"{point}:{action}")

        assert code == (-signal.SIGKILL if action == "kill" else 1), (point, said)
        assert "Traceback" not in said and "bug" not in said and (action == "kill" or "again" in said), (point, said)
        assert (bench.out / "run.json").exists() == (point in AFTER_RUN_JSON), point
        assert broken(bench.out) == []
        if SOAK:
            bench.check_rerun(bench.out)
            shutil.rmtree(bench.out)
    bench.check_rerun(bench.out)


def test_any_file_operation_may_fail(bench: Bench) -> None:
    number, step = 1, 1 if SOAK else 29
    while True:
        code, said = bench.run(bench.out, fault=f"{number}:error")
        if code == 0:
            break
        assert code == 1, said
        bench.check_rerun(bench.out)
        shutil.rmtree(bench.out)
        number += step

    assert number > 100  # else little was tried
    assert published(bench.out) == bench.clean


def test_a_resumed_run_does_only_what_is_left(bench: Bench) -> None:
    shards = len(json.loads(bench.clean["run.json"])["shards"])
    code, said = bench.run(bench.out, "--log", "json", fault="40:kill")
    done = len(events(said, "shard"))

    code, said = bench.run(bench.out, "--log", "json")

    assert code == 0 and 0 < done < shards
    assert shards - done - 1 <= len(events(said, "shard")) <= shards - done
    assert published(bench.out) == bench.clean


def test_a_run_that_was_there_says_its_own_seconds(bench: Bench) -> None:
    bench.run_to(bench.out)
    written = bench.out / "run.json"
    written.write_text(re.sub(r'"seconds": [\d.]+', '"seconds": 86400.5', written.read_text(), count=1))

    code, said = bench.run(bench.out, "--log", "json")

    (done,) = events(said, "done")
    assert code == 0 and done["reused"] and done["seconds"] < 86400


def test_a_shard_that_rotted_is_done_again(bench: Bench) -> None:
    bench.run_to(bench.out)
    path = next((bench.out / "segments").iterdir())
    path.write_bytes(path.read_bytes()[:-1] + b"x")

    assert bench.run_to(bench.out) == bench.clean
    assert broken(bench.out) == [] and leftovers(bench.out) == []


def test_what_a_dead_run_left_never_leaks_in(bench: Bench) -> None:
    for place in (".staging/tmp/segments.parquet", ".shards/" + "0" * 64 + "/calls.parquet", ".shards/x/shard.json", ".run.json"):
        (bench.out / place).parent.mkdir(parents=True, exist_ok=True)
        (bench.out / place).write_bytes(b"PAR1 half")

    bench.check_rerun(bench.out)


def test_two_runs_on_one_output_one_works_the_other_says_who(bench: Bench, other_nursery: Nursery) -> None:
    first = bench.start(bench.out, fault="lock:wait")
    first.wait_at("lock")
    code, said = other_nursery.run(*bench.command(bench.out))
    assert code == 75 and f"process {first.pid} on {os.uname().nodename}" in said

    os.kill(first.pid, signal.SIGKILL)
    assert first.wait() == -signal.SIGKILL
    assert other_nursery.run(*bench.command(bench.out))[0] == 0
    assert published(bench.out) == bench.clean


@pytest.mark.parametrize(
    ("number", "code", "point"),
    [
        (signal.SIGTERM, 143, "lock"),
        (signal.SIGINT, 130, "score"),
        (signal.SIGTERM, 143, "verify"),
        (signal.SIGTERM, 143, "manifest"),
        (signal.SIGINT, 130, "report"),
        (signal.SIGTERM, 143, "report-sync"),
    ],
)
def test_a_run_that_is_told_to_stop_stops_clean_and_can_go_on(bench: Bench, number: signal.Signals, code: int, point: str) -> None:
    running = bench.start(bench.out, fault=f"{point}:wait")
    running.wait_at(point)
    began = time.monotonic()

    os.kill(running.pid, number)

    assert running.wait() == code and time.monotonic() - began < 10
    assert "run the same command again" in running.said()
    assert not (bench.out / ".lock").exists() and not (bench.out / ".staging").exists()
    bench.check_rerun(bench.out)


@pytest.mark.parametrize(
    ("point", "number", "code"),
    [
        ("verify", signal.SIGTERM, 143),
        ("report", signal.SIGINT, 130),
        ("report-sync", signal.SIGTERM, 143),
        ("report-name", signal.SIGKILL, -signal.SIGKILL),
    ],
)
def test_another_rubric_may_be_stopped_or_killed_too(bench: Bench, point: str, number: signal.Signals, code: int) -> None:
    bench.run_to(bench.out)
    command = ("rescore", bench.out, "--rubric", ROOT / "configs/rubric.yaml", "--out")
    clean, out = bench.out.with_name("clean"), bench.out.with_name("again")
    assert bench.nursery.run(*command, clean)[0] == 0
    running = bench.nursery.start(*command, out, fault=f"{point}:wait")
    running.wait_at(point)
    began = time.monotonic()

    os.kill(running.pid, number)

    assert running.wait() == code and time.monotonic() - began < 10
    assert broken(out) == [] and not (out / "report.html").exists()
    assert bench.nursery.run(*command, out)[0] == 0
    assert published(out) == published(clean) and leftovers(out) == []
    assert (out / "report.html").read_bytes() == (clean / "report.html").read_bytes()


def test_a_run_that_is_told_to_stop_waits_for_no_library(bench: Bench) -> None:
    slow = "import atexit, time; atexit.register(time.sleep, 60); from scorer.cli import main; main()"
    command = [sys.executable, "-c", slow, *map(str, bench.command(bench.out))]
    run = subprocess.Popen(command, env=os.environ | {"SCORER_FAULT": "lock:wait"}, stderr=subprocess.PIPE, text=True)
    assert any("waits at lock" in line for line in pipe(run.stderr))

    run.send_signal(signal.SIGTERM)

    said = run.communicate()[1]
    assert run.returncode == 143 and "stopped by SIGTERM" in said and "did not stop" not in said


@pytest.mark.parametrize(("fault", "part"), [("write:quota", "quota"), ("keep:readonly", "read-only"), ("score:memory", "memory")])
def test_want_of_room_is_said_clearly(bench: Bench, fault: str, part: str) -> None:
    code, said = bench.run(bench.out, fault=fault)

    assert code == 1 and part in said and "bug" not in said
    bench.check_rerun(bench.out)


def test_a_limit_of_the_kernel_is_met_cleanly(bench: Bench) -> None:
    code, said = bench.run(bench.out, FSIZE=3000)

    assert code == 1 and "bug" not in said, said
    bench.check_rerun(bench.out)


def test_the_same_bytes_whatever_the_order_of_the_listing_and_the_batches(bench: Bench) -> None:
    files = sorted(bench.night.iterdir(), reverse=True)
    command = bench.command(bench.out)
    assert bench.nursery.run("score", *files, *command[2:])[0] == 0
    assert {k: v for k, v in published(bench.out).items() if k != "run.json"} == {k: v for k, v in bench.clean.items() if k != "run.json"}

    bench.config = bench.out.with_name("batches.yaml")
    bench.config.write_text("model: {shard_rows: 12, batch_tokens: 512}\n")
    bench.run_to(bench.out.with_name("batches"))
    columns = "call_id, segment_index, labels, columns('p_.*')"
    one, two = (read(out, "segments", columns) for out in (bench.out, bench.out.with_name("batches")))
    assert one == two


def read(out: Path, table: str, columns: str = "*") -> list[Any]:
    return duckdb.sql(f"select {columns} from '{out}/{table}/*.parquet' order by all").fetchall()


def test_a_poisoned_file_does_not_take_the_night_down(bench: Bench, tmp_path: Path) -> None:
    bench.own_night()
    bomb = pa.DictionaryArray.from_arrays(pa.array([0] * 4000, pa.int32()), pa.array(["word " * 200_000]))
    ids = pa.array([f"bomb-{n}" for n in range(4000)])
    pq.write_table(pa.table({"call_id": ids, "speaker": ["agent"] * 4000, "text": bomb}), bench.night / "bomb.parquet")
    (bench.night / "page.parquet").write_text("<html>")
    bench.config = small_shards(tmp_path, "limits: {file_memory_mb: 512}\n")

    code, said = bench.run(bench.out)

    assert code == 4 and "2 of 5 files" in said
    assert read(bench.out, "rejects", "source, reason, stage, rows") == [
        (str(bench.night / "bomb.parquet"), "file_memory", "read", 0),
        (str(bench.night / "page.parquet"), "file_not_parquet", "open", 0),
    ]
    assert len(read(bench.out, "calls")) == 13
    inputs = {Path(row["path"]).name: row for row in json.loads((bench.out / "run.json").read_text())["inputs"]}
    assert inputs["page.parquet"]["rejected"] == "file_not_parquet" and inputs["page.parquet"]["size"] == 6


def whole_files(count: int) -> Iterator[bytes]:
    """Files of one call each, m-0 and so on, made in memory: on disk, ten thousand of them take minutes."""
    rows = pa.Table.from_pylist(call_rows("m-", turns=6))
    at = rows.column_names.index("call_id")
    for number in range(count):
        target = pa.BufferOutputStream()
        pq.write_table(rows.set_column(at, "call_id", pa.array([f"m-{number}"] * len(rows))), target, write_page_checksum=True)
        yield target.getvalue().to_pybytes()


def mutant(good: bytes, chosen: random.Random) -> bytes:
    """A bit flipped, the end cut off, a range zeroed, or two ranges swapped."""
    at, size = chosen.randrange(len(good)), chosen.randrange(1, 64)
    kind = chosen.randrange(4)
    if kind == 0:
        return good[:at] + bytes([good[at] ^ 1 << chosen.randrange(8)]) + good[at + 1 :]
    if kind == 1:
        return good[:at]
    if kind == 2:
        return good[:at] + b"\0" * len(good[at : at + size]) + good[at + size :]
    other = chosen.randrange(len(good))
    low, high = sorted((at, other))
    size = min(size, high - low)
    return good[:low] + good[high : high + size] + good[low + size : high] + good[low : low + size] + good[high + size :]


def test_of_mutants_beside_good_files_each_is_rejected_or_read_as_it_was(bench: Bench) -> None:
    bench.own_night()
    chosen = random.Random(7)
    mutants = 10_000 if SOAK else 200
    for number, good in enumerate(whole_files(mutants)):
        (bench.night / f"m-{number}.parquet").write_bytes(mutant(good, chosen))

    began = time.monotonic()
    code, said = bench.run(bench.out)
    print(f"{mutants} mutants read in {time.monotonic() - began:.0f} s")

    assert code == 4, said
    assert set(read(bench.out, "calls", "call_id")) >= {(f"{file}-{call}",) for file in range(3) for call in range(4)} | {("spread-0",)}
    lost = {Path(row[0]).stem for row in read(bench.out, "rejects", "source")}
    kept = {row[0] for row in read(bench.out, "calls", "call_id") if row[0].startswith("m-")}
    assert lost | kept == {f"m-{number}" for number in range(mutants)} and not lost & kept
    texts = {row["text"] for row in call_rows("m-", turns=7)}
    assert {row[0] for row in read(bench.out, "segments", "text")} <= texts


def test_a_date_is_replaced_whole_late_files_are_scored_and_nothing_else(bench: Bench) -> None:
    bench.own_night()
    lake = bench.out.with_name("lake")
    write_night(lake / "date=2026-11-19", files=1)
    bench.night.rename(lake / "date=2026-11-20")
    bench.night = lake
    dated = ("--log", "json", "--date")
    assert bench.run(bench.out, *dated, "2026-11-19")[0] == 0
    code, said = bench.run(bench.out, *dated, "2026-11-20")
    other, day = published(bench.out / "date=2026-11-19"), bench.out / "date=2026-11-20"
    first = published(day)
    shards = len(json.loads(first["run.json"])["shards"])
    assert code == 0 and len(events(said, "shard")) == shards

    pq.write_table(pa.Table.from_pylist(call_rows("late", turns=6)), lake / "date=2026-11-20" / "late.parquet")
    assert bench.run(bench.out, *dated, "2026-11-20", fault="publish:kill")[0] == -signal.SIGKILL
    assert published(day)["run.json"] == first["run.json"] and broken(day) == []
    code, said = bench.run(bench.out, *dated, "2026-11-20")

    assert code == 0 and events(said, "shard") == []  # kept by the run that was killed
    assert len(json.loads((day / "run.json").read_text())["shards"]) == shards + 1
    assert {k: v for k, v in published(day).items() if k in first and k != "run.json"} == {
        k: v for k, v in first.items() if k != "run.json"
    }
    assert published(bench.out / "date=2026-11-19") == other
    rows = duckdb.sql(
        f"select date, count(*) from read_parquet('{bench.out}/*/calls/*.parquet', hive_partitioning=true) group by date order by date"
    )
    assert [count for _, count in rows.fetchall()] == [5, 14]


def test_the_report_of_a_killed_run_is_written_by_the_next(bench: Bench) -> None:
    bench.own_night()
    dated, day = ("--date", "2026-11-20"), bench.out / "date=2026-11-20"
    (bench.night / "date=2026-11-20").mkdir()
    for path in bench.night.glob("*.parquet"):
        path.rename(bench.night / "date=2026-11-20" / path.name)
    assert bench.run(bench.out, *dated)[0] == 0
    page = (day / "report.html").read_text()

    pq.write_table(pa.Table.from_pylist(call_rows("late", turns=6)), bench.night / "date=2026-11-20" / "late.parquet")
    assert bench.run(bench.out, *dated, fault="report:kill")[0] == -signal.SIGKILL
    assert len(read(day, "calls")) == 14 and (day / "report.html").read_text() == page and "13</b> calls read" in page
    code, said = bench.run(bench.out, *dated)

    assert code == 0 and "already held this run" in said
    assert "14</b> calls read" in (day / "report.html").read_text() and leftovers(day) == []


HOSTILE = ["../../x", "..", ".", "a/b", "c\0d", "x" * 300, "é", "e\u0301", "CON", "a\nb", "date=1", "%2e%2e", "'; --", "a", "A"]


def test_no_path_is_built_from_what_the_input_says(bench: Bench) -> None:
    bench.own_night()
    rows = [row for name in HOSTILE for row in call_rows(name, turns=6)]
    pq.write_table(pa.Table.from_pylist(rows), bench.night / "a=b\n..'.parquet")
    before = sorted(path for path in bench.out.parent.rglob("*"))

    code, said = bench.run(bench.out)

    assert code == 0, said
    assert sorted(path for path in bench.out.parent.rglob("*") if bench.out not in (path, *path.parents)) == before
    assert {row[0] for row in read(bench.out, "calls", "call_id")} >= set(HOSTILE)
    assert all(path.name.isascii() and len(path.stem) == 64 for path in (bench.out / "calls").iterdir())


def test_the_log_is_one_object_a_line_without_any_text_of_a_call(bench: Bench, tmp_path: Path) -> None:
    bench.own_night()
    secret = "tangerine\n\x1b[31m"
    rows = [row | {"text": secret} for row in call_rows("s", turns=6)]
    pq.write_table(pa.Table.from_pylist([*rows, {**rows[0], "call_id": None}]), bench.night / "secret.parquet", write_page_checksum=True)
    good = (bench.night / "secret.parquet").read_bytes()
    (bench.night / "broken.parquet").write_bytes(good.replace(b"tangerine", b"tangerinf"))

    code, said = bench.run(bench.out, "--log", "json", "--metrics", tmp_path / "scorer.prom")

    lines = [line for line in said.splitlines() if line.startswith("{")]
    assert [json.loads(line)["event"] for line in lines[:2]] == ["started", "reading"] and json.loads(lines[-1])["event"] == "failed"
    assert [json.loads(lines[at])["level"] for at in (0, -1)] == ["info", "error"]
    assert {event["level"] for event in events(said, "rejected")} == {"warning"}
    assert len({json.loads(line)["run_id"] for line in lines if "run_id" in json.loads(line)}) == 1
    assert code == 4 and "tangerin" not in said + (tmp_path / "scorer.prom").read_text() + (bench.out / "run.json").read_text()
    metrics = (tmp_path / "scorer.prom").read_text()
    assert "scorer_exit_code 4.0" in metrics and 'scorer_rejects{reason="file_corrupt"} 1.0' in metrics

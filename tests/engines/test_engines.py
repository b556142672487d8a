"""The same bytes on any engine, whatever dies on the way."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from nights import ROOT, arguments, broken, call_rows, leftovers, published, small_shards, write_night
from nursery import Nursery, pipe

from scorer.engines.choose import choose
from scorer.engines.engine import Engine, Ledger, Task
from scorer.engines.ray import Ray, Seat, _Crew, seats_of
from scorer.errors import ExitCode, RunError, UsageError
from scorer.manifest import Shard
from scorer.pipeline import score_night

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("ray"),  # one Ray at a time
    pytest.mark.filterwarnings("ignore"),  # what Ray leaves open is not ours
]
SOAK = "SCORER_SOAK" in os.environ
ROUNDS = 20
in_soak = pytest.mark.skipif(
    not SOAK, reason="make soak: a Ray node needs a machine that is not busy with others to notice a death in time"
)
CANARY = "tangerine"
for name in ("RAY_gcs_server_request_timeout_seconds", "RAY_raylet_start_wait_time_s"):
    os.environ.setdefault(name, "120")  # the box may be busy
AT_WORK = "ray::Worker.score"  # how Ray calls the process of an actor that has a task


@dataclass
class Bench:
    """A night, and what a run of it gives in one process."""

    night: Path
    model: Path
    clean: dict[str, str]

    def score(self, out: Path, engine: Engine | None) -> dict[str, str]:
        score(self.night, out, self.model, engine)
        return published(out)


def score(night: Path, out: Path, model: Path, engine: Engine | None) -> None:
    rubric = ROOT / "configs/rubric.yaml"
    config = small_shards(out.parent)
    score_night([str(night)], out=out, config=config, rubric=rubric, model=model, progress=lambda *_: None, engine=engine)
    assert leftovers(out) == [] and broken(out) == []


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory, keyword_folder: Path) -> Bench:
    folder = tmp_path_factory.mktemp("engines")
    night = write_night(folder / "night")
    rows = [row | {"text": f"{CANARY} {row['text']}", "customer_name": CANARY} for row in call_rows(f"said {CANARY}", turns=30)]
    pq.write_table(pa.Table.from_pylist(rows), night / "canary.parquet")
    bench = Bench(night, keyword_folder, {})
    bench.clean = bench.score(folder / "clean", None)
    return bench


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Two machines of a CPU each, as far as Ray knows."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    from ray.cluster_utils import Cluster

    found = Cluster(initialize_head=True, head_node_args=node(1))
    found.add_node(**node(1))
    yield found
    found.shutdown()


def node(cpus: int) -> dict[str, Any]:
    return {"num_cpus": cpus, "object_store_memory": 80 << 20, "include_dashboard": False}


@contextmanager
def killing(cluster: Any, times: int) -> Iterator[list[int]]:
    """Kill up to so many actors, each as soon as it is seen at work; gives the numbers of their processes."""
    killed: list[int] = []
    over = threading.Event()

    def watch() -> None:
        while len(killed) < times and not over.wait(0.02):
            for number in set(at_work(cluster)) - set(killed):
                with suppress(ProcessLookupError):
                    os.kill(number, signal.SIGKILL)
                    killed.append(number)
                break

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield killed
    finally:
        over.set()
        thread.join()


def at_work(cluster: Any) -> list[int]:
    """The processes of the cluster's actors that have a task; of no other cluster's on this machine."""
    session = Path(cluster.head_node.get_session_dir_path()).name
    found = []
    for process in psutil.process_iter():
        if "".join(cmdline(process)).startswith(AT_WORK):
            with suppress(psutil.Error):  # it has ended
                if any(session in part for part in cmdline(process.parent())):
                    found.append(process.pid)
    return found


def until(true: Any, seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_processes_give_the_same_bytes(bench: Bench, tmp_path: Path) -> None:
    assert bench.score(tmp_path / "out", choose("local", address=None, workers=2)) == bench.clean


@pytest.mark.parametrize(
    ("fault", "code", "part"),
    [("score:kill", 1, "ended its worker 3 times"), ("write:enospc", 1, "free space")],
)
def test_a_fault_in_a_process_is_a_clear_failure_that_resumes(
    bench: Bench, tmp_path: Path, nursery: Nursery, fault: str, code: int, part: str
) -> None:
    out = tmp_path / "out"
    command = arguments(bench.night, out, bench.model, small_shards(tmp_path), "--workers", 2)

    assert_fails(nursery.run(*command, fault=fault), code, part)
    assert not (out / "run.json").exists() and broken(out) == []
    assert nursery.run(*command[:-2])[0] == 0  # on another engine
    assert published(out) == bench.clean and leftovers(out) == []


def assert_fails(ended: tuple[int, str], code: int, part: str) -> None:
    assert ended[0] == code and part in ended[1] and "bug" not in ended[1] and CANARY not in ended[1], ended


@pytest.mark.parametrize("engine", [("--workers", 2), ("--engine", "ray", "--workers", 2)])
def test_a_run_with_workers_that_is_told_to_stop_stops_clean(bench: Bench, tmp_path: Path, nursery: Nursery, engine: tuple[object]) -> None:
    out = tmp_path / "out"
    running = nursery.start(*arguments(bench.night, out, bench.model, small_shards(tmp_path), *engine), fault="score:wait")
    until(lambda: list(out.glob(".staging/tmp*/tmp*")))  # a worker has begun
    began = time.monotonic()

    os.kill(running.pid, signal.SIGTERM)

    assert running.wait() == 143 and time.monotonic() - began < 15, running.said()
    assert "stopped by SIGTERM" in running.said()  # not ended hard, which leaves Ray's agents behind
    assert kept_by_ray(running.pid) == []


def test_a_run_that_is_told_to_stop_while_ray_starts_stops_clean(bench: Bench, tmp_path: Path, nursery: Nursery) -> None:
    out = tmp_path / "out"
    running = nursery.start(*arguments(bench.night, out, bench.model, small_shards(tmp_path), "--engine", "ray", "--workers", 1))
    until(lambda: any("agent" in part for process in family(running.pid) for part in cmdline(process)))  # Ray's own handler is there
    born = family(running.pid)

    os.kill(running.pid, signal.SIGTERM)

    assert running.wait() == 143, running.said()
    assert "run the same command again" in running.said()
    assert_nothing_is_left(running.pid, born)


TOLD = """
import os, shutil, signal, sys, time
from pathlib import Path

import ray

from scorer.engines.cluster import connected
from scorer.stopping import Stopped, stoppable

def told(module, name):
    real = getattr(module, name)

    def instead(*given, **named):
        found = None if name == "rmtree" else real(*given, **named)
        if not given or f"/ray-{os.getpid()}-" in str(given[0]) and "session" not in str(given[0]):
            time.sleep(0.2)  # as much as Ray itself takes, at least
            os.kill(os.getpid(), signal.SIGTERM)
        return real(*given, **named) if name == "rmtree" else found

    setattr(module, name, instead)

told(*{"mkdir": (Path, "mkdir"), "shutdown": (ray, "shutdown"), "rmtree": (shutil, "rmtree")}[sys.argv[1]])
try:
    with stoppable(), connected(None, 1):
        print("up", flush=True)
        input()
except Stopped as stopped:
    os._exit(stopped.exit_code)
"""


@pytest.mark.parametrize(("step", "up"), [("mkdir", False), ("shutdown", True), ("rmtree", True)])
def test_a_ray_of_our_own_is_put_away_whole_when_a_signal_comes_meanwhile(step: str, up: bool) -> None:
    run = subprocess.Popen([sys.executable, "-c", TOLD, step], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert (pipe(run.stdout).readline() == "up\n") is up
    born = family(run.pid) if up else []

    with suppress(BrokenPipeError):
        run.communicate("go on\n")

    assert run.wait() == 143 and bool(born) is up
    assert_nothing_is_left(run.pid, born)


def family(pid: int) -> list[psutil.Process]:
    """The processes that come from this one."""
    found: list[psutil.Process] = psutil.Process(pid).children(recursive=True)
    return found


def cmdline(process: psutil.Process) -> list[str]:
    with suppress(psutil.Error):
        return list(process.cmdline())
    return []


def assert_nothing_is_left(pid: int, born: list[psutil.Process]) -> None:
    assert [cmdline(process) for process in born if process.is_running()] == []
    assert kept_by_ray(pid) == []


def test_a_cluster_gives_the_same_bytes(bench: Bench, tmp_path: Path, cluster: Any) -> None:
    assert bench.score(tmp_path / "out", Ray(cluster.address, 2)) == bench.clean


@in_soak
@pytest.mark.parametrize("number", range(ROUNDS))
def test_a_cluster_gives_the_same_bytes_whatever_dies(bench: Bench, tmp_path: Path, cluster: Any, number: int) -> None:
    lost = cluster.add_node(**node(1), num_gpus=1)  # as far as Ray knows: its worker cannot be placed again
    with killing(cluster, 2) as killed:
        thread = threading.Thread(target=lambda: (until(lambda: len(killed) == 2), cluster.remove_node(lost, allow_graceful=False)))
        thread.start()
        found = bench.score(tmp_path / "out", Ray(cluster.address, 3))
        thread.join()

    assert found == bench.clean and len(killed) == 2


@in_soak
def test_a_shard_that_kills_its_worker_stops_the_run_which_can_go_on(bench: Bench, tmp_path: Path, cluster: Any) -> None:
    with killing(cluster, 100) as killed, pytest.raises(RunError, match="ended its worker 3 times"):
        bench.score(tmp_path / "out", Ray(cluster.address, 1))

    assert len(killed) == 3
    assert bench.score(tmp_path / "out", Ray(cluster.address, 2)) == bench.clean


def test_a_driver_that_was_killed_is_started_again_while_its_workers_live(
    bench: Bench, tmp_path: Path, cluster: Any, nursery: Nursery
) -> None:
    out = tmp_path / "out"
    more = ("--engine", "ray", "--ray-address", cluster.address, "--workers", 2)
    command = arguments(bench.night, out, bench.model, small_shards(tmp_path), *more)
    running = nursery.start(*command)
    until(lambda: at_work(cluster))

    os.kill(running.pid, signal.SIGKILL)
    assert running.wait() == -signal.SIGKILL
    code, said = nursery.run(*command)

    assert code == 0, said
    assert published(out) == bench.clean and broken(out) == [] and leftovers(out) == []


def test_a_cluster_that_gives_no_worker_is_waited_for_aloud_and_not_for_ever(
    bench: Bench, tmp_path: Path, cluster: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("scorer.engines.ray.TELL_S", 0.01)
    wanted = r"\(1 with a CPU asked for; [0-2] CPUs and 0 GPUs were free when the run came\)"

    with pytest.raises(RunError, match=f"gave no worker within 0 s {wanted}: finished shards are kept"):
        bench.score(tmp_path / "out", Ray(cluster.address, 1, wait_s=0.02))

    assert re.fullmatch(f"scorer: no worker yet after 0 s {wanted}; the run waits up to 0 s for one\n", capsys.readouterr().err)


def test_a_machine_that_was_lost_and_is_still_listed_is_not_waited_for(
    bench: Bench, tmp_path: Path, cluster: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    seats = iter([[Seat(1, 1)]])  # on a machine with a GPU, of which there is none

    monkeypatch.setattr("scorer.engines.ray.seats_of", lambda nodes, asked: next(seats, None) or seats_of(nodes, asked))
    monkeypatch.setattr("scorer.engines.ray.TELL_S", 0.5)
    monkeypatch.setattr("scorer.engines.ray.START_S", 1.0)

    assert bench.score(tmp_path / "out", Ray(cluster.address, 2)) == bench.clean


def test_workers_that_end_as_they_start_are_borne_for_a_while_and_then_a_clear_failure(
    bench: Bench, tmp_path: Path, cluster: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    started = iter(range(100))
    start = _Crew.start

    def stillborn(crew: _Crew, seat: Seat) -> None:
        start(crew, seat)
        if next(started) < 4:
            crew._ray.kill([*crew._asked.values()][-1].actor)

    monkeypatch.setattr("scorer.engines.ray.PAUSE_S", 0.1)
    monkeypatch.setattr(_Crew, "start", stillborn)

    with pytest.raises(RunError, match="workers ended as they started, 3 times: finished shards are kept"):
        bench.score(tmp_path / "out", Ray(cluster.address, 1, stillborn_s=0.0))
    assert bench.score(tmp_path / "out", Ray(cluster.address, 1)) == bench.clean
    assert next(started) > 4
    assert "scorer: a worker ended as it started; another is asked for in 0 s\n" in capsys.readouterr().err


def test_a_machine_that_stands_still_for_a_while_changes_nothing(bench: Bench, tmp_path: Path, cluster: Any) -> None:
    out, shards = tmp_path / "out", len(json.loads(bench.clean["run.json"])["shards"])

    def stall() -> None:
        until(lambda: at_work(cluster))
        number = at_work(cluster)[0]
        os.kill(number, signal.SIGSTOP)
        try:
            until(lambda: len(list(out.glob(".shards/*"))) == shards - 1)
        finally:
            os.kill(number, signal.SIGCONT)

    thread = threading.Thread(target=stall)
    thread.start()
    found = bench.score(out, Ray(cluster.address, 2))
    thread.join()

    assert found == bench.clean


def test_ray_keeps_nothing_of_a_call(cluster: Any) -> None:
    assert_ray_kept_nothing(Path(cluster.head_node.get_session_dir_path()))


def kept_by_ray(pid: int) -> list[Path]:
    """The folder of the Ray that a run started for itself, if it is still there."""
    return list(Path("/tmp").glob(f"ray-{pid}-*"))


def test_a_shard_that_kills_its_worker_on_ray_is_a_clear_failure_of_which_ray_keeps_nothing(
    bench: Bench, tmp_path: Path, nursery: Nursery
) -> None:
    command = arguments(bench.night, tmp_path / "out", bench.model, small_shards(tmp_path), "--engine", "ray", "--workers", 1)
    running = nursery.start(*command, fault="close:kill")  # of a shard that holds the canary

    assert_fails((running.wait(), running.said()), 1, "ended its worker 3 times")
    assert kept_by_ray(running.pid) == []


def assert_ray_kept_nothing(session: Path) -> None:
    files = [path for path in session.rglob("*") if path.is_file()]

    assert any(path.name.startswith("worker-") for path in files)  # else the wrong folder was looked at
    assert [path for path in files if CANARY.encode() in path.read_bytes()] == []


def test_gpus_are_taken_first_and_cpus_only_of_machines_without() -> None:
    def node(name: str, alive: bool = True, **has: float) -> dict[str, Any]:
        return {"NodeID": name, "Alive": alive, "Resources": has}

    big, small, tiny, gone = (
        node("big", CPU=16.0, GPU=2.0),
        node("small", CPU=3.0),
        node("tiny", CPU=1.0),
        node("gone", alive=False, CPU=64.0),
    )
    nodes = [big, small, tiny, gone]
    on_cpus = [Seat(0, 1, name) for name in ("small", "tiny", "small", "small")]

    assert seats_of(nodes, None) == [Seat(1, 8)] * 2 + on_cpus
    assert seats_of(nodes, 1) == [Seat(1, 8)]
    assert seats_of(nodes, 4) == [Seat(1, 8)] * 2 + [Seat(0, 2, "small"), Seat(0, 2, "tiny")]
    assert seats_of(nodes, 8) == [Seat(1, 8)] * 2 + on_cpus + [Seat(0, 1)] * 2  # wherever there is a CPU
    assert seats_of([big, gone], 3) == [Seat(1, 8)] * 2 + [Seat(0, 1)]
    assert seats_of([small, gone], 5) == [Seat(0, 1)] * 5
    assert seats_of([small, gone], 1) == [Seat(0, 3)]
    assert seats_of([gone], None) == [Seat(0, 1)]


def test_a_receipt_that_does_not_fit_its_task_is_refused(tmp_path: Path) -> None:
    task = Task("a", ["x"], 5, tmp_path / "rows")

    with pytest.raises(RunError, match="5 rows were handed out, the receipt is for 4"):
        Ledger(iter([task])).settle(task, Shard("a", {}, '{"rows_scored": 3, "rows_rejected": 1}'))


@pytest.mark.parametrize(
    ("name", "address", "part"),
    [("local", "auto", "--engine ray"), *(("ray", address, "host:port") for address in ("ray://head:10001", "head", "head:", ""))],
)
def test_an_address_that_cannot_be_used_is_wrong_usage(name: str, address: str, part: str) -> None:
    with pytest.raises(UsageError, match=part) as refused:
        choose(name, address=address, workers=None)

    assert refused.value.exit_code == ExitCode.USAGE


def test_a_cluster_that_is_not_there_is_said_before_the_input_is_read(bench: Bench) -> None:
    with pytest.raises(RunError, match=r"127\.0\.0\.1:1: no cluster answers"):
        choose("ray", address="127.0.0.1:1", workers=None).open(bench.model)


def test_a_service_that_is_not_ray_is_said_before_the_input_is_read(bench: Bench) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as other:
        threading.Thread(target=other.serve_forever).start()
        try:
            with pytest.raises(RunError, match=f"127.0.0.1:{other.server_port}: what answers there is not Ray"):
                choose("ray", address=f"127.0.0.1:{other.server_port}", workers=None).open(bench.model)
        finally:
            other.shutdown()

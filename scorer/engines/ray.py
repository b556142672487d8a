"""How does a night run on a Ray cluster? Ray schedules actors; no transcript goes through its object store."""

import os
import signal
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scorer.classify.model import declared_labels
from scorer.engines.engine import DEATHS, Handout, Ledger, Progress, Setting, Task
from scorer.engines.worker import Answer, Worker
from scorer.errors import RunError
from scorer.labels import Label
from scorer.manifest import Shard
from scorer.shard import rows_of
from scorer.stopping import SIGNALS, stop, stop_that_came

STORE_BYTES = 100 << 20  # of a Ray that we start: only tasks and receipts go through it
CONNECT_S = 10.0
START_S = 45.0  # after which a worker is asked for again, where none is at work: Ray may lose what a dying machine was asked for
WAIT_S = 300.0  # for the cluster to place one worker, where none is at work; one that grows on demand needs minutes


class Ray:
    """Actors on a cluster; where there is no address, on a Ray of our own on this machine."""

    def __init__(self, address: str | None, workers: int | None, *, wait_s: float = WAIT_S) -> None:
        self._address = address
        self._workers = workers
        self._wait_s = wait_s

    def open(self, model: Path) -> tuple[Label, ...]:
        """Only the labels: the workers load the model."""
        return declared_labels(model)

    def run(self, night: Handout, progress: Progress) -> Iterator[Shard]:
        """Told after every shard. Raises RunError where a shard keeps killing its worker, or the cluster gives no worker."""
        with _connected(self._address, self._workers) as ray:
            kinds = kinds_of(ray.nodes(), self._workers)
            cpus = int(ray.cluster_resources().get("CPU", 1))
            crew = _Crew(ray, night.setting(max(1, cpus // len(kinds))), self._wait_s)
            try:
                for kind in kinds:
                    crew.start(kind)
                yield from _run(crew, Ledger(night.tasks()), progress)
            finally:
                crew.end()


@dataclass(slots=True)
class _Hand:
    actor: Any
    kind: str
    task: Task | None = None  # None while it starts, and while it has nothing to do


class _Crew:
    """The actors: those that start, those at work, those that are idle."""

    def __init__(self, ray: Any, setting: Setting, wait_s: float) -> None:
        self._ray = ray
        self._setting = setting
        self._wait_s = wait_s
        self._worker = ray.remote(Worker)
        self._asked: dict[Any, _Hand] = {}  # by what they were asked for
        self.idle: list[_Hand] = []

    def start(self, kind: str) -> None:
        """Ask the cluster for one more; it is idle once it answers."""
        needs = {"num_cpus": 1, "num_gpus": int(kind == "GPU"), "max_restarts": 0, "max_task_retries": 0, "scheduling_strategy": "SPREAD"}
        hand = _Hand(self._worker.options(**needs).remote(self._setting), kind)
        self._asked[hand.actor.ready.remote()] = hand

    def give(self, task: Task) -> None:
        """Have an idle one do it."""
        hand = self.idle.pop()
        hand.task = task
        self._asked[hand.actor.score.remote(task)] = hand

    @property
    def at_work(self) -> bool:
        """Whether any has a task."""
        return any(hand.task for hand in self._asked.values())

    def next(self) -> tuple[_Hand, Answer | None, bool]:
        """The next that answers, what it says, and whether it is lost. Raises RunError where the cluster gives no worker at all."""
        patience, waited = min(START_S, self._wait_s), 0.0
        while not (ready := self._ray.wait(list(self._asked), timeout=patience)[0]):
            if self.at_work:
                continue
            waited += patience
            if waited >= self._wait_s:
                raise RunError(
                    f"the cluster gave no worker within {self._wait_s:.0f} s: finished shards are kept; see that it has CPUs that nobody "
                    "else holds, and give the command again"
                )
            self._ask_again()
            patience = min(2 * patience, self._wait_s - waited)  # longer, for where to start is slow
        hand = self._asked.pop(ready[0])
        try:
            return hand, self._ray.get(ready[0]), False
        except self._ray.exceptions.RayError:  # its words may quote anything
            return hand, None, True

    def _ask_again(self) -> None:
        starting, self._asked = [*self._asked.values()], {}
        for hand in starting:
            self._ray.kill(hand.actor)
            self.start(hand.kind)

    def end(self) -> None:
        """All of them, whatever they do."""
        for hand in [*self._asked.values(), *self.idle]:
            with suppress(self._ray.exceptions.RayError):
                self._ray.kill(hand.actor)


def _run(crew: _Crew, ledger: Ledger, progress: Progress) -> Iterator[Shard]:
    done = stillborn = 0
    while True:
        while crew.idle and (task := ledger.next()):
            crew.give(task)
        if crew.idle and not crew.at_work:  # nothing is left that they could do
            return
        hand, answer, is_lost = crew.next()
        if is_lost:
            stillborn += not hand.task
            if stillborn >= DEATHS:
                raise RunError(
                    f"workers ended as they started, {DEATHS} times: finished shards are kept; see that the cluster's machines have this "
                    "version of scorer and memory to spare, and give the command again"
                )
            if hand.task:
                ledger.died(hand.task)
            crew.start(hand.kind)
            continue
        task, hand.task = hand.task, None
        crew.idle.append(hand)
        if task and answer:
            shard = ledger.settle(task, answer.receipt())
            done, stillborn = done + rows_of(shard), 0
            progress(done)
            yield shard


@contextmanager
def _connected(address: str | None, workers: int | None) -> Iterator[Any]:
    _check_reached(address)
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    import ray  # seconds, and an extra

    try:
        _start(ray, address, workers)
        yield ray
    finally:
        ray.shutdown()


def _start(ray: Any, address: str | None, workers: int | None) -> None:
    own: dict[str, Any] = {} if address else {"num_cpus": workers, "include_dashboard": False, "object_store_memory": STORE_BYTES}
    handlers = {number: signal.getsignal(number) for number in SIGNALS}
    try:
        ray.init(address=address or "local", log_to_driver=False, logging_level="error", **own)
    except SystemExit:  # raised by the handler of SIGTERM that Ray puts in place of ours
        stop(signal.SIGTERM)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise _no_cluster(address, error) from error
    finally:
        if not stop_that_came():
            for number, handler in handlers.items():
                signal.signal(number, handler)


def _check_reached(address: str | None) -> None:
    """Raises RunError where nothing listens at host:port; Ray would try for minutes, and end the process with its own signal."""
    host, _, port = (address or "").rpartition(":")
    if not port.isdigit():
        return  # auto: Ray looks for it on this machine
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=CONNECT_S).close()
    except (OSError, OverflowError) as error:
        raise _no_cluster(address, error) from error


def _no_cluster(address: str | None, error: Exception) -> RunError:
    what = f"--ray-address {address}: no cluster answers" if address else "Ray did not start here"
    advice = "start it, mend the address, give it this machine's versions of Python and Ray, or set RAY_AUTH_MODE=token if it wants one"
    return RunError(f"{what} ({type(error).__name__}): {advice}; then again")


def kinds_of(nodes: Sequence[dict[str, Any]], asked: int | None) -> list[str]:
    """What each worker is to have: a GPU for every one that there is, a CPU for every one on machines without."""
    machines = [node["Resources"] for node in nodes if node["Alive"]]
    gpus = sum(int(has.get("GPU", 0)) for has in machines)
    cpus = sum(int(has.get("CPU", 0)) for has in machines if has.get("GPU", 0) < 1)
    found = ["GPU"] * gpus + ["CPU"] * cpus
    if asked:
        return (found + ["CPU"] * asked)[:asked]
    return found or ["CPU"]  # of a cluster that grows on demand

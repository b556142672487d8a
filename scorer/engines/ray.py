"""How does a night run on a Ray cluster? Ray schedules actors; no transcript goes through its object store."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from scorer.engines.engine import Handout, Ledger, Progress, Task
from scorer.engines.worker import Worker
from scorer.errors import RunError
from scorer.manifest import Shard
from scorer.shard import rows_of
from scorer.stopping import SIGNALS

STORE_BYTES = 100 << 20  # of a Ray that we start: only tasks and receipts go through it
WAIT_S = 120.0  # for the cluster to place one worker where none is at work


class Ray:
    """Actors on a cluster; where there is no address, on a Ray of our own on this machine."""

    def __init__(self, address: str | None, workers: int | None) -> None:
        self._address = address
        self._workers = workers

    def run(self, night: Handout, progress: Progress) -> Iterator[Shard]:
        """Told after every shard. Raises RunError where a shard keeps killing its worker, or no worker is left."""
        with _connected(self._address, self._workers) as ray:
            yield from _run(ray, night, progress, self._workers)


@contextmanager
def _connected(address: str | None, workers: int | None) -> Iterator[Any]:
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    import ray  # seconds, and an extra

    own: dict[str, Any] = {} if address else {"num_cpus": workers, "include_dashboard": False, "object_store_memory": STORE_BYTES}
    handlers = {number: signal.getsignal(number) for number in SIGNALS}
    try:
        ray.init(address=address or "local", log_to_driver=False, logging_level="error", **own)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise RunError(f"--ray-address {address}: no cluster answers ({type(error).__name__}): start it, or mend the address") from error
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)  # Ray puts its own in their place
    try:
        yield ray
    finally:
        ray.shutdown()


def _run(ray: Any, night: Handout, progress: Progress, asked: int | None) -> Iterator[Shard]:
    has = ray.cluster_resources()
    kind = "GPU" if has.get("GPU", 0) >= 1 else "CPU"
    workers = asked or max(1, int(has.get(kind, 1)))
    needs = {"num_cpus": 1, "num_gpus": 1 if kind == "GPU" else 0, "max_restarts": 0, "max_task_retries": 0}
    setting = night.setting(max(1, int(has.get("CPU", 1)) // workers))
    actor = ray.remote(Worker).options(**needs)
    ledger, done = Ledger(night.tasks()), 0
    busy: dict[Any, tuple[Any, Task]] = {}

    def give(worker: Any) -> None:
        if task := ledger.next():
            busy[worker.score.remote(task)] = (worker, task)
        else:
            ray.kill(worker)

    try:
        for _ in range(workers):
            give(actor.remote(setting))
        while busy:
            ready, _ = ray.wait(list(busy), timeout=WAIT_S)
            if not ready and ray.cluster_resources().get(kind, 0) < 1:
                raise RunError("the cluster has no node left to work on: finished shards are kept; mend it and give the command again")
            for ref in ready:
                worker, task = busy.pop(ref)
                try:
                    shard = ledger.settle(task, ray.get(ref).receipt())
                except ray.exceptions.RayActorError:
                    ledger.died(task)
                    give(actor.remote(setting))
                    continue
                done += rows_of(shard)
                progress(done)
                yield shard
                give(worker)
    finally:
        for worker, _ in busy.values():
            with suppress(ray.exceptions.RayError):
                ray.kill(worker)

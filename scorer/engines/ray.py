"""How does a night run on a Ray cluster? Ray schedules actors; no transcript goes through its object store."""

import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from itertools import chain, islice, repeat
from pathlib import Path
from typing import Any

from scorer.classify.model import declared_labels
from scorer.engines.cluster import check_is_ray, connected
from scorer.engines.engine import DEATHS, Handout, Ledger, Progress, Task
from scorer.engines.worker import Answer, Worker
from scorer.errors import RunError
from scorer.labels import Label
from scorer.log import told
from scorer.manifest import Shard
from scorer.shard import rows_of
from scorer.stopping import heed

BLINK_S = 0.5  # between two looks for a signal
TELL_S = 20.0  # between two words on that no worker is there
START_S = 40.0  # after which a worker is asked for again, where none is at work: Ray may lose what a dying machine was asked for
PAUSE_S = 5.0  # before a worker that ended as it started is asked for again
STILLBORN_S = 60.0  # for so long workers may end as they start, one after the other: Ray sends them to a lost machine until it misses it
WAIT_S = 300.0  # for the cluster to place one worker, where none is at work; one that grows on demand needs minutes


class Ray:
    """Actors on a cluster; where there is no address, on a Ray of our own on this machine."""

    def __init__(self, address: str | None, workers: int | None, *, wait_s: float = WAIT_S, stillborn_s: float = STILLBORN_S) -> None:
        self._address = address
        self._workers = workers
        self._wait_s = wait_s
        self._stillborn_s = stillborn_s

    def open(self, model: Path) -> tuple[Label, ...]:
        """Only the labels: the workers load the model."""
        if self._address and self._address != "auto":
            check_is_ray(self._address)
        return declared_labels(model)

    def run(self, night: Handout, progress: Progress) -> Generator[Shard, None, None]:
        """Told after every shard. Raises RunError where a shard keeps killing its worker, or the cluster gives no worker."""
        with connected(self._address, self._workers) as ray:
            crew = _Crew(ray, night, self._workers, self._wait_s)
            try:
                crew.start_all()
                yield from _run(crew, Ledger(night.tasks()), progress, stillborn_s=self._stillborn_s)
            finally:
                crew.end()


@dataclass(frozen=True, slots=True)
class Seat:
    """What one worker is to have."""

    gpus: int
    threads: int
    machine: str = ""  # Ray's id of the one it should be on; any, where that is empty


def seats_of(nodes: Sequence[dict[str, Any]], asked: int | None) -> list[Seat]:
    """One for every GPU that there is, one for every CPU of machines without; of `asked` ones, those with a GPU first."""
    machines = [(node["NodeID"], node["Resources"]) for node in nodes if node["Alive"]]
    with_gpu = [has for _, has in machines if has.get("GPU", 0) >= 1]
    without = {machine: int(has.get("CPU", 0)) for machine, has in machines if has.get("GPU", 0) < 1}
    gpus, cpus = sum(int(has["GPU"]) for has in with_gpu), sum(without.values())
    beside = sum(int(has.get("CPU", 0)) for has in with_gpu)
    others = cpus if asked is None else max(0, asked - gpus)
    places = _in_turns(without) if with_gpu and cpus else []  # else Ray would give it a CPU that a GPU's worker needs
    found = [Seat(1, max(1, beside // max(1, gpus)))] * gpus
    found += [Seat(0, max(1, cpus // max(1, others)), place) for place in islice(chain(places, repeat("")), others)]
    return found[:asked] or [Seat(0, 1)]  # of a cluster that grows on demand


def _in_turns(cpus: Mapping[str, int]) -> list[str]:
    """Each machine as often as it has CPUs: once each, then once more those that have another."""
    return [machine for turn in range(max(cpus.values())) for machine, has in cpus.items() if turn < has]


@dataclass(slots=True)
class _Hand:
    actor: Any
    seat: Seat
    task: Task | None = None  # None while it starts, and while it has nothing to do


class _Crew:
    """The actors: those that start, those at work, those that are idle."""

    def __init__(self, ray: Any, night: Handout, workers: int | None, wait_s: float) -> None:
        self._ray = ray
        self._workers = workers
        self._setting = cache(lambda threads, gpu: ray.put(night.setting(threads, gpu=gpu)))
        self._wait_s = wait_s
        self._worker = ray.remote(Worker)
        self._free = ray.available_resources()  # before any of ours is there
        self._asked: dict[Any, _Hand] = {}  # by what they were asked for
        self._later: list[tuple[float, Seat]] = []  # by the time at which one is to be asked for again
        self.idle: list[_Hand] = []

    def start_all(self) -> None:
        """Ask for one for every seat of the machines as they are now."""
        for seat in seats_of(self._ray.nodes(), self._workers):
            self.start(seat)

    def start(self, seat: Seat) -> None:
        """Ask the cluster for one more; it is idle once it answers."""
        on = self._ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(seat.machine, soft=True) if seat.machine else "SPREAD"
        needs = {"num_cpus": 1, "num_gpus": seat.gpus, "max_restarts": 0, "max_task_retries": 0, "scheduling_strategy": on}
        hand = _Hand(self._worker.options(**needs).remote(self._setting(seat.threads, seat.gpus > 0)), seat)
        self._asked[hand.actor.ready.remote()] = hand

    def start_later(self, seat: Seat) -> None:
        """Ask for one more in a while."""
        self._later.append((time.monotonic() + PAUSE_S, seat))

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
        waited, again = 0.0, START_S
        while not (ready := self._answers(min(TELL_S, self._wait_s))):
            if self.at_work:
                continue
            waited += TELL_S
            if waited >= self._wait_s:
                raise RunError(
                    f"the cluster gave no worker within {self._wait_s:.0f} s{self._wanted()}: finished shards are kept; see that it has "
                    "CPUs that nobody else holds, and give the command again"
                )
            told("waiting", f"no worker yet after {waited:.0f} s{self._wanted()}; the run waits up to {self._wait_s:.0f} s for one")
            if waited >= again:
                self._ask_again()
                again *= 3  # longer, for where to start is slow
        hand = self._asked.pop(ready[0])
        try:
            return hand, self._ray.get(ready[0]), False
        except self._ray.exceptions.RayError:  # its words may quote anything
            return hand, None, True

    def _answers(self, seconds: float) -> list[Any]:
        """What has an answer, as soon as there is one; empty after so many seconds."""
        end = time.monotonic() + seconds
        while True:
            self._start_due()
            ready = self._ready(min(BLINK_S, max(0.0, end - time.monotonic())))
            heed()  # Ray may drop what the handler of a signal raises, and wait on
            if ready or time.monotonic() >= end:
                return ready

    def _ready(self, seconds: float) -> list[Any]:
        if not self._asked:  # they wait for their time to be asked for
            time.sleep(seconds)
            return []
        ready, _ = self._ray.wait(list(self._asked), timeout=seconds)
        return list(ready)

    def _start_due(self) -> None:
        now = time.monotonic()
        due = [seat for at, seat in self._later if at <= now]
        self._later = [(at, seat) for at, seat in self._later if at > now]
        for seat in due:
            self.start(seat)

    def _wanted(self) -> str:
        seats, free = [hand.seat for hand in self._asked.values()], self._free
        with_gpu = sum(seat.gpus for seat in seats)
        asked = [f"{n} with a {kind}" for n, kind in ((with_gpu, "GPU"), (len(seats) - with_gpu, "CPU")) if n]
        there = f"{free.get('CPU', 0):g} CPUs and {free.get('GPU', 0):g} GPUs"
        return f" ({' and '.join(asked)} asked for; {there} were free when the run came)"

    def _ask_again(self) -> None:
        """Where none is at work. Ray lists a machine that was lost for some seconds more, and nobody will ever sit there."""
        for hand in self._asked.values():
            self._ray.kill(hand.actor)
        self._asked.clear()
        self._later.clear()
        self.start_all()

    def end(self) -> None:
        """All of them, whatever they do."""
        for hand in [*self._asked.values(), *self.idle]:
            with suppress(self._ray.exceptions.RayError):
                self._ray.kill(hand.actor)


def _run(crew: _Crew, ledger: Ledger, progress: Progress, *, stillborn_s: float) -> Iterator[Shard]:
    done = 0
    stillborn: list[float] = []  # when workers ended as they started, since a shard was scored
    while True:
        while crew.idle and (task := ledger.next()):
            crew.give(task)
        if crew.idle and not crew.at_work:  # nothing is left that they could do
            return
        hand, answer, is_lost = crew.next()
        if is_lost and hand.task:
            ledger.died(hand.task)
            crew.start(hand.seat)
            continue
        if is_lost:
            stillborn.append(time.monotonic())
            if len(stillborn) >= DEATHS and stillborn[-1] - stillborn[0] >= stillborn_s and not crew.at_work:
                raise RunError(
                    f"workers ended as they started, {len(stillborn)} times: finished shards are kept; see that the cluster's machines "
                    "have this version of scorer and memory to spare, and give the command again"
                )
            if len(stillborn) == 1:
                told("worker_lost", f"a worker ended as it started; another is asked for in {PAUSE_S:.0f} s")
            crew.start_later(hand.seat)
            continue
        task, hand.task = hand.task, None
        crew.idle.append(hand)
        if task and answer:
            shard = ledger.settle(task, answer.receipt())
            done += rows_of(shard)
            stillborn.clear()
            progress(done)
            yield shard

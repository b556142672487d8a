"""How does a night run on one machine: in this process, or in several beside it?"""

import multiprocessing
import signal
from collections.abc import Generator
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path

from scorer.classify.cores import usable_cores
from scorer.classify.model import SegmentModel, declared_labels
from scorer.engines.engine import Handout, Ledger, Progress, Setting, Task
from scorer.engines.worker import Worker
from scorer.labels import Label
from scorer.log import told
from scorer.manifest import Shard
from scorer.shard import rows_of, score_shard


class Plain:
    """One shard after the other, in the driver's own process."""

    _loaded: SegmentModel

    def open(self, model: Path) -> tuple[Label, ...]:
        """Loads it."""
        from scorer.classify.load import load_model

        _tell_place()
        self._loaded = load_model(model)
        return self._loaded.labels

    def run(self, night: Handout, progress: Progress) -> Generator[Shard, None, None]:
        """Told after every call."""
        done = 0
        for plan, call_ids, calls in night.reader.calls(night.plans):
            before = done
            shard = score_shard(
                plan.id,
                call_ids,
                calls,
                rules=night.rules,
                loaded=self._loaded,
                folder=night.folder,
                progress=lambda rows, before=before: progress(before + rows),  # type: ignore[misc]
            )
            done += rows_of(shard)
            yield shard


@dataclass
class _Slot:
    process: BaseProcess
    pipe: Connection
    task: Task | None = None


class Processes:
    """Several processes on this machine; they end with the driver, however that ends."""

    def __init__(self, workers: int) -> None:
        self._workers = workers

    def open(self, model: Path) -> tuple[Label, ...]:
        """Only the labels: the workers load the model."""
        _tell_place()
        return declared_labels(model)

    def run(self, night: Handout, progress: Progress) -> Generator[Shard, None, None]:
        """Told after every shard. Raises RunError where a shard keeps killing its worker."""
        setting = night.setting(max(1, usable_cores() // self._workers))
        ledger, done, slots = Ledger(night.tasks()), 0, []
        try:
            slots = [_start(setting) for _ in range(self._workers)]
            slots = [slot for slot in slots if _give(slot, ledger)]
            while slots:
                ready = wait([slot.pipe for slot in slots])
                for slot in [slot for slot in slots if slot.pipe in ready]:
                    task = slot.task
                    assert task is not None
                    try:
                        shard = ledger.settle(task, slot.pipe.recv().receipt())
                    except (EOFError, ConnectionError):
                        ledger.died(task)
                        _end(slot)
                        slots.remove(slot)
                        slots.append(slot := _start(setting))
                    else:
                        done += rows_of(shard)
                        progress(done)
                        yield shard
                    if not _give(slot, ledger):
                        _end(slot)
                        slots.remove(slot)
        finally:
            for slot in slots:
                _end(slot)


def _tell_place() -> None:
    from scorer.classify.reading import told_place  # loads torch: not before the lock is held and the settings are read

    told("reading", f"scoring on {(place := told_place())}", place=place)


def _start(setting: Setting) -> _Slot:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, setting), daemon=True)
    process.start()
    theirs.close()
    return _Slot(process, ours)


def _give(slot: _Slot, ledger: Ledger) -> bool:
    slot.task = ledger.next()
    if slot.task:
        with suppress(BrokenPipeError):  # it died at once: the next wait says so
            slot.pipe.send(slot.task)
    return slot.task is not None


def _end(slot: _Slot) -> None:
    slot.process.kill()
    slot.process.join()
    slot.pipe.close()


def _serve(pipe: Connection, setting: Setting) -> None:
    """Runs in the worker, until the driver is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group: the driver decides
    worker = Worker(setting)
    while True:
        try:
            pipe.send(worker.score(pipe.recv()))
        except (EOFError, ConnectionError):
            return

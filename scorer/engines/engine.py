"""What must anything that runs shards be able to do? Tasks in, receipts out; it schedules, our own commit keeps the promises."""

import os
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from scorer.engines.program import program
from scorer.errors import RunError
from scorer.labels import Label
from scorer.manifest import Shard
from scorer.shard import Rules, rows_of
from scorer.tables.assemble import Assembler
from scorer.tables.folder import RunFolder
from scorer.tables.reader import CallReader, Plan

DEATHS = 3  # of workers, over the same shard, before the run stops
Progress = Callable[[int], None]  # rows done of the tasks that were given


@dataclass(frozen=True, slots=True)
class Task:
    """One shard to be scored; `calls` are what it must hold. The rows are in a file on storage that all workers see."""

    shard_id: str
    calls: list[str]
    rows: int
    path: Path


@dataclass(frozen=True, slots=True)
class Setting:
    """What a worker needs before its first task."""

    rules: Rules
    assembler: Assembler
    out: Path
    workdir: Path  # of this run; a worker that outlives its run finds it gone, and can do no harm
    threads: int
    gpu: bool  # whether it may use one, where there is any
    machine: str  # of the driver
    program: Mapping[str, str]  # of the driver: see program.py


@dataclass(frozen=True, slots=True)
class Handout:
    """What the driver offers an engine: the shards that are to be scored."""

    rules: Rules
    reader: CallReader
    plans: Sequence[Plan]
    out: Path
    workdir: Path
    folder: RunFolder

    def tasks(self) -> Iterator[Task]:
        """The shards for others, each written to its file when it is asked for; who has done one removes it."""
        for plan, call_ids, path, rows in self.reader.hand_out(self.plans, self.workdir):
            yield Task(plan.id, call_ids, rows, path)

    def setting(self, threads: int, *, gpu: bool = True) -> Setting:
        """What workers need that use so many threads each."""
        return Setting(self.rules, self.reader.assembler, self.out, self.workdir, threads, gpu, os.uname().nodename, program())


class Engine(Protocol):
    """Runs all tasks of a night, in any order, anywhere."""

    def open(self, model: Path) -> tuple[Label, ...]:
        """The labels of a model folder, which is loaded where this process needs it; before the input is read.

        Raises ModelError where it cannot be used, RunError where the engine cannot.
        """

    def run(self, night: Handout, progress: Progress) -> Generator[Shard, None, None]:
        """A receipt for each shard, as they are kept."""


class Ledger:
    """The tasks that were handed out, how often each killed its worker, and whether a receipt is what was planned."""

    def __init__(self, tasks: Iterator[Task]) -> None:
        self._tasks = tasks
        self._again: list[Task] = []
        self._deaths: dict[str, int] = {}

    def next(self) -> Task | None:
        """The next task, those first that lost their worker."""
        return self._again.pop() if self._again else next(self._tasks, None)

    def died(self, task: Task) -> None:
        """Its worker is gone. Raises RunError where that happened too often."""
        self._deaths[task.shard_id] = self._deaths.get(task.shard_id, 0) + 1
        if self._deaths[task.shard_id] >= DEATHS:
            raise RunError(
                f"shard {task.shard_id} ({len(task.calls)} calls) ended its worker {DEATHS} times: finished shards are kept; look for "
                "want of memory (fewer --workers help), then give the command again"
            )
        self._again.append(task)

    def settle(self, task: Task, shard: Shard) -> Shard:
        """The receipt, where it fits the task. Raises RunError where it does not."""
        if shard.id != task.shard_id or rows_of(shard) != task.rows:
            raise RunError(
                f"shard {task.shard_id}: {task.rows} rows were handed out, the receipt is for {rows_of(shard)}: please report this"
            )
        task.path.unlink(missing_ok=True)
        return shard

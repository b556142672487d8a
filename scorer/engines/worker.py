"""What does a worker do with a task? The same on any engine: the model is loaded once, a failure comes back as words."""

import os
import tempfile
from pathlib import Path
from typing import Literal, NamedTuple

from scorer.classify.cores import usable_cores
from scorer.classify.model import SegmentModel, model_hash
from scorer.durable import unwritable
from scorer.engines.engine import Setting, Task
from scorer.engines.program import differing, program
from scorer.errors import RunError, ScorerError, WorkerBugError, bug
from scorer.manifest import Shard
from scorer.shard import score_shard
from scorer.tables.folder import RunFolder
from scorer.tables.spool import read_shard


class Answer(NamedTuple):
    """A receipt, or how the task failed; never transcript text."""

    shard: Shard | None
    failed: Literal["", "expected", "memory", "bug"] = ""
    message: str = ""

    def receipt(self) -> Shard:
        """The receipt. Raises what the worker could not do."""
        if self.failed == "memory":
            raise MemoryError
        if self.failed == "bug":
            raise WorkerBugError(self.message)
        if self.shard is None:
            raise RunError(self.message)
        return self.shard


class Worker:
    """Scores tasks, one at a time."""

    def __init__(self, setting: Setting) -> None:
        import torch  # here: the driver, which has this module too, looks at the night first

        torch.set_num_threads(min(setting.threads, usable_cores()))
        if not setting.gpu:
            os.environ["CUDA_VISIBLE_DEVICES"] = ""  # Ray shows all GPUs of a machine to an actor that asked for none
        self._setting = setting
        self._loaded: SegmentModel | None = None

    def ready(self) -> None:
        """Answers once it has started."""

    def score(self, task: Task) -> Answer:
        """Nothing is raised: an engine would print it, and it may quote a transcript."""
        try:
            return Answer(self._score(task))
        except ScorerError as error:
            return Answer(None, "expected", self._where() + str(error))
        except MemoryError:
            return Answer(None, "memory")
        except Exception as error:  # noqa: BLE001  # the border of a worker: only where it happened goes back
            return Answer(None, "bug", f"{self._where()}shard {task.shard_id}: {bug(error)}")

    def _where(self) -> str:
        """The machine, where it is not the driver's."""
        machine = os.uname().nodename
        return "" if machine == self._setting.machine else f"on {machine}: "

    def _score(self, task: Task) -> Shard:
        setting = self._setting
        self._loaded = self._loaded or _load(setting)
        if not setting.workdir.is_dir():
            raise RunError(f"{setting.workdir} is not there: --out must be on storage that all machines see under the same path")
        try:
            attempt = tempfile.TemporaryDirectory(dir=setting.workdir, ignore_cleanup_errors=True)
        except OSError as error:
            raise unwritable(setting.workdir, error) from error
        with attempt as staging:
            folder = RunFolder(setting.out, staging=Path(staging))
            calls = (setting.assembler.assemble(rows[0].call_id, rows) for rows in read_shard(task.path))
            return score_shard(task.shard_id, task.calls, calls, rules=setting.rules, loaded=self._loaded, folder=folder)


def _load(setting: Setting) -> SegmentModel:
    """The model, where this machine has the program and the model that the driver has: else bytes would differ."""
    others = differing(program(), setting.program)
    if others:
        advice = "install the same on all machines, and change none while a night runs"
        raise RunError(f"another program than the driver's would give other bytes: {others}: {advice}")
    folder = setting.rules.model
    if not folder.is_dir():
        raise RunError(f"{folder} is not there: copy the model to every machine under the same path, or share the folder")
    if model_hash(folder) != setting.rules.tables.stamp.model_hash:
        raise RunError(f"{folder} is not the model that the driver sees there: copy it, or share the folder")
    from scorer.classify.load import load_model

    return load_model(folder)

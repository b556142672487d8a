"""What does a worker do with a task? The same on any engine: the model is loaded once, a failure comes back as words."""

import tempfile
import traceback
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch

from scorer.classify.model import load_model
from scorer.durable import unwritable
from scorer.engines.engine import Setting, Task
from scorer.errors import RunError, ScorerError
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
        if self.shard is None:
            raise RunError(self.message)
        return self.shard


class Worker:
    """Scores tasks, one at a time."""

    def __init__(self, setting: Setting) -> None:
        torch.set_num_threads(setting.threads)
        self._setting = setting
        self._loaded: Any = None

    def score(self, task: Task) -> Answer:
        """Nothing is raised: an engine would print it, and it may quote a transcript."""
        try:
            return Answer(self._score(task))
        except ScorerError as error:
            return Answer(None, "expected", str(error))
        except MemoryError:
            return Answer(None, "memory")
        except Exception as error:  # noqa: BLE001  # the border of a worker: only where it happened goes back
            lines = [f"  {frame.filename}:{frame.lineno} in {frame.name}" for frame in traceback.extract_tb(error.__traceback__)]
            head = f"shard {task.shard_id}: a bug in scorer ({type(error).__name__}); please report these lines:"
            return Answer(None, "bug", "\n".join([head, *lines]))

    def _score(self, task: Task) -> Shard:
        setting = self._setting
        self._loaded = self._loaded or load_model(setting.rules.model)
        try:
            attempt = tempfile.TemporaryDirectory(dir=setting.workdir, ignore_cleanup_errors=True)
        except OSError as error:
            raise unwritable(setting.workdir, error) from error
        with attempt as staging:
            folder = RunFolder(setting.out, staging=Path(staging))
            calls = (setting.assembler.assemble(rows[0].call_id, rows) for rows in read_shard(task.path))
            return score_shard(task.shard_id, task.calls, calls, rules=setting.rules, loaded=self._loaded, folder=folder)

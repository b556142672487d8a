"""Runs of the command line, each in a process of its own that can be killed; a fork costs nothing, where to load torch costs seconds."""

import gc
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self

THREADS = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


@dataclass
class Running:
    """A run that was started."""

    pid: int
    log: Path
    nursery: "Nursery"
    peak_mb: int = 0  # memory that its largest process had, once it has ended
    cpu_s: float = 0.0  # that all its processes took: what it costs, however busy the machine is

    def wait(self) -> int:
        """Its exit code; minus the signal that killed it."""
        code, peak_kb, cpu_s = self.nursery.receive().split()
        self.nursery.busy = None
        self.peak_mb, self.cpu_s = int(peak_kb) >> 10, float(cpu_s)
        return int(code)

    def wait_at(self, point: str) -> None:
        """Until the run is where its fault lets it wait."""
        until = time.monotonic() + 120
        while f"waits at {point}\n" not in self.said():
            assert time.monotonic() < until, self.said()
            time.sleep(0.01)

    def said(self) -> str:
        """What it printed, on both streams."""
        return self.log.read_text(encoding="utf-8", errors="replace")


class Nursery:
    """Starts runs, one at a time; each sees the environment of the moment."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self.busy: Running | None = None

    def __enter__(self) -> Self:
        command = [sys.executable, __file__]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ | THREADS)
        return self

    def __exit__(self, *_: object) -> None:
        self._end()
        pipe(self._process.stdin).close()
        self._process.wait()
        pipe(self._process.stdout).close()

    def start(self, *arguments: object, fault: str = "", **limits: int) -> Running:
        """`scorer` with these arguments; `limits` are such as FSIZE=1000 (bytes a file may have)."""
        self._end()
        log = self._logs / "said.txt"
        log.write_text("")
        environment = dict(os.environ) | THREADS | {"SCORER_FAULT": fault}
        asked = {"arguments": [str(part) for part in arguments], "environment": environment, "limits": limits, "log": str(log)}
        print(json.dumps(asked), file=pipe(self._process.stdin), flush=True)
        self.busy = Running(int(self.receive()), log, self)
        return self.busy

    def run(self, *arguments: object, fault: str = "", **limits: int) -> tuple[int, str]:
        """Exit code and all that was printed."""
        running = self.start(*arguments, fault=fault, **limits)
        return running.wait(), running.said()

    def _end(self) -> None:
        """End what a test left running that failed."""
        if self.busy:
            with suppress(ProcessLookupError):
                os.kill(self.busy.pid, signal.SIGKILL)
            self.busy.wait()

    def receive(self) -> str:
        """The next line of the nursery."""
        return pipe(self._process.stdout).readline()


def pipe(stream: IO[str] | None) -> IO[str]:
    assert stream is not None
    return stream


def serve() -> None:
    import torch
    from transformers import BertForTokenClassification, PreTrainedTokenizerFast

    import scorer.classify.load
    import scorer.classify.predict
    import scorer.cli
    import scorer.remote
    import scorer.review.report
    import scorer.screen

    loaded = (
        BertForTokenClassification,
        PreTrainedTokenizerFast,
        scorer.classify.load,
        scorer.classify.predict,
        scorer.remote,
        scorer.review.report,
        scorer.screen,
    )
    assert all(loaded)  # once, here, and not for seconds in every run
    torch.set_num_threads(1)
    gc.collect()
    gc.freeze()  # else the first collection in a run touches, and so copies, all that is loaded
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            run(json.loads(line), scorer.cli)
        print(child, flush=True)
        _, status, usage = os.wait4(child, 0)
        print(os.waitstatus_to_exitcode(status), usage.ru_maxrss, usage.ru_utime + usage.ru_stime, flush=True)
    gc.unfreeze()  # else DuckDB complains of what it cannot free


def run(asked: dict[str, Any], cli: Any) -> None:
    """Runs in the child, and ends it."""
    import resource

    handle = os.open(asked["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(handle, 1)
    os.dup2(handle, 2)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.environ.clear()
    os.environ.update(asked["environment"])
    if "FSIZE" in asked["limits"]:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    for name, value in asked["limits"].items():
        resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (value, value))
    sys.argv = ["scorer", *asked["arguments"]]
    code = 99  # what no run ends with
    try:
        cli.main()
        code = 0
    except SystemExit as end:
        code = int(end.code or 0)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    serve()

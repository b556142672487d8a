"""How is work done so that its crash, its hunger or its hang stays its own?"""

import json
import os
import resource
import select
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Literal, Self

import pyarrow as pa

Death = Literal["memory", "time", "crashed"]
PAGE = resource.getpagesize()
HUNGRY = 3  # exit code of a child that ran out of memory and could still say so
SIGNALS: dict[int, Death] = {signal.SIGALRM: "time", signal.SIGKILL: "memory"}  # the kernel kills for memory


class Fence:
    """Answers questions, each in a process of its own that may take so much memory and so long.

    `module` calls `serve` when it runs as a program. Its process stays small and has no threads, so that forks of it are cheap and safe;
    it ends with ours, however that ends. What it says on stderr is dropped: it may quote its input.
    """

    def __init__(self, module: str, *, memory_mb: int, seconds: int) -> None:
        self._command = [sys.executable, "-P", "-m", module, str(memory_mb), str(seconds)]

    def __enter__(self) -> Self:
        pipe, nowhere = subprocess.PIPE, subprocess.DEVNULL
        self._server = subprocess.Popen(self._command, stdin=pipe, stdout=pipe, stderr=nowhere, start_new_session=True, text=True)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._server.pid, signal.SIGKILL)
        self._server.communicate()

    def ask(self, question: str) -> tuple[str, None] | tuple[None, Death]:
        """The answer, or how the process that looked for it died. A question is one line."""
        line = self._exchange(question)
        if not line:  # the server itself is gone
            self.__exit__(None, None, None)
            self.__enter__()
            return None, "crashed"
        status, answer = json.loads(line)
        if status == 0 and answer:
            return answer, None
        return None, "memory" if status == HUNGRY else SIGNALS.get(-status, "crashed")

    def _exchange(self, question: str) -> str:
        if self._server.stdin is None or self._server.stdout is None:
            return ""
        with suppress(BrokenPipeError):
            self._server.stdin.write(question + "\n")
            self._server.stdin.flush()
        return self._server.stdout.readline()


def serve(answer: Callable[[str], str]) -> None:
    """Answer the questions on stdin, one a line, until it ends."""
    memory_mb, seconds = int(sys.argv[1]), int(sys.argv[2])
    for line in sys.stdin:
        ours, theirs = os.pipe()
        child = os.fork()
        if child == 0:
            _answer(line, answer, theirs, memory=memory_mb << 20, seconds=seconds)
        os.close(theirs)
        said = _listen(ours, child)
        os.close(ours)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        print(json.dumps([status, said]), flush=True)


def _listen(ours: int, child: int) -> str:
    """What a child says until it ends. Where whoever asked is gone in the meantime, the child ends too, and this process."""
    said = b""
    asked, poll = sys.stdin.fileno(), select.poll()
    poll.register(asked, 0)  # tells no more than that the other end is closed
    poll.register(ours, select.POLLIN)
    while True:
        if any(handle == asked for handle, _ in poll.poll()):
            os.kill(child, signal.SIGKILL)
            sys.exit()
        piece = os.read(ours, 1 << 16)
        if not piece:
            return said.decode("utf-8", "replace")
        said += piece


def _answer(question: str, answer: Callable[[str], str], theirs: int, *, memory: int, seconds: int) -> None:
    """Runs in the child, and ends it: nothing that was buffered before the fork is written twice."""
    code = 1
    try:
        _limit(memory, seconds)
        pa.set_memory_pool(pa.system_memory_pool())  # the others set address space aside that they do not use
        pa.set_cpu_count(1)
        os.dup2(os.open(os.devnull, os.O_RDWR), 0)
        os.dup2(0, 1)
        with open(theirs, "w", encoding="utf-8") as stream:
            stream.write(answer(question))
        code = 0
    except MemoryError:
        code = HUNGRY
    finally:
        os._exit(code)


def _limit(memory: int, seconds: int) -> None:
    with open("/proc/self/statm", encoding="ascii") as statm:
        taken = int(statm.read().split()[0]) * PAGE
    resource.setrlimit(resource.RLIMIT_AS, (taken + memory, taken + memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core would hold transcripts
    signal.alarm(seconds)  # its default is to end the process, also in the middle of a C call

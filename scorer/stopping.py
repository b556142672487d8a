"""How does a run stop when it is told to: soon, cleanly, and with the exit code that says so?"""

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

SIGNALS = (signal.SIGINT, signal.SIGTERM)
PATIENCE_S = 8.0  # for what cannot be interrupted, such as a long sort; schedulers kill after ten seconds or more


class Stopped(BaseException):
    """SIGINT or SIGTERM came. Not an Exception: nothing on the way catches it, all `finally` blocks run."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.name = signal.Signals(number).name
        self.exit_code = 128 + number


_came: list[int] = []  # signals


def stop(number: int) -> NoReturn:
    """Raise Stopped as the signal would have done: for whoever was met by a library's own handler of it."""
    for other in SIGNALS:
        signal.signal(other, signal.SIG_IGN)  # one is enough; a second must not cut the tidying short
    _came.append(number)
    raise Stopped(number)


def stop_that_came() -> Stopped | None:
    """The Stopped that was raised: for whoever meets the error that a library made of it."""
    return Stopped(_came[0]) if _came else None


def put_off() -> None:
    """From now on a signal is only noted: what has begun to be put away is put away whole. `heed` has the last word."""
    for number in SIGNALS:
        signal.signal(number, lambda came, _: _came.append(came))


def heed() -> None:
    """Raise the Stopped that a library dropped or that was put off, if one came."""
    if came := stop_that_came():
        raise came


@contextmanager
def stoppable() -> Iterator[None]:
    """Raise Stopped in the main thread at the first SIGINT or SIGTERM, and end the process where that has no effect in time.

    To end it hard is safe: whatever is published is whole, whatever is staged is swept by the next run.
    """
    _came.clear()
    reads, writes = os.pipe()
    os.set_blocking(writes, False)
    before = {number: signal.signal(number, _stop) for number in SIGNALS}
    wakeup = signal.set_wakeup_fd(writes)  # written by the C handler, also while Python waits for a library
    threading.Thread(target=_watch, args=(reads,), daemon=True).start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(wakeup)
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(writes)  # ends the watch


def leave(code: int) -> NoReturn:
    """End a run that has tidied: what libraries would still do takes longer, on a busy machine, than schedulers wait."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _stop(number: int, frame: FrameType | None) -> None:
    stop(number)


def _watch(reads: int) -> None:
    told = os.read(reads, 1)
    if told:
        time.sleep(PATIENCE_S)  # the end stays open: a server that ends raises its signal again, which is written there too
        print(
            f"scorer: did not stop within {PATIENCE_S:.0f} s and was ended; run the same command again to go on",
            file=sys.stderr,
            flush=True,
        )
        os._exit(128 + told[0])
    os.close(reads)

"""How does this process come to a Ray, and leave nothing of one behind that it started?"""

import os
import select
import signal
import socket
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from scorer.classify.cores import usable_cores
from scorer.errors import RunError
from scorer.stopping import SIGNALS, heed, stop, stop_that_came

STORE_BYTES = 100 << 20  # of a Ray that we start: only tasks and receipts go through it
CONNECT_S = 10.0
ENDED_S = 2.0  # for processes to be gone that were killed
SETTINGS = b"\x04"  # the frame that each side of HTTP/2 begins with; Ray speaks gRPC, which is HTTP/2
HELLO = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(3) + SETTINGS + bytes(5)


def check_is_ray(address: str) -> None:
    """Raises RunError where nothing listens at host:port, or nothing that speaks as Ray; Ray itself would try for many minutes."""
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=CONNECT_S) as there:
            if os.environ.get("RAY_USE_TLS", "0") != "0":
                return  # it waits for a handshake
            there.sendall(HELLO)
            answer = there.recv(9)
    except (OSError, OverflowError) as error:
        raise _no_cluster(address, error) from error
    if answer[3:4] != SETTINGS:
        raise RunError(f"--ray-address {address}: what answers there is not Ray: give the address that `ray start --head` printed")


@contextmanager
def connected(address: str | None, workers: int | None) -> Iterator[Any]:
    """The module ray, connected to the cluster at the address, else to a Ray of our own. Raises RunError where there is none."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    import ray  # seconds, and an extra

    handlers = {number: signal.getsignal(number) for number in SIGNALS}
    others = _started().get(os.getpid(), [])
    with ExitStack() as stack:
        own = {} if address else stack.enter_context(_own(workers))
        try:
            _start(ray, address, own, handlers)
            yield ray
        finally:
            with nullcontext() if address else _killed_after(others):  # nothing of another's cluster is ours to end
                ray.shutdown()
            _put_back(handlers)
            heed()  # Ray makes an error of its own of what the handler of a signal raises


@contextmanager
def _own(workers: int | None) -> Iterator[dict[str, Any]]:
    """Settings of a Ray of our own, whose files go with it."""
    base = os.environ.get("RAY_TMPDIR", "/tmp")  # as Ray itself has it; short, for sockets are in it
    with TemporaryDirectory(prefix=f"ray-{os.getpid()}-", dir=base, ignore_cleanup_errors=True) as folder:
        yield {
            "num_cpus": max(workers or 1, usable_cores()),
            "include_dashboard": False,
            "object_store_memory": STORE_BYTES,
            "_temp_dir": folder,
        }


def _start(ray: Any, address: str | None, own: dict[str, Any], handlers: dict[signal.Signals, Any]) -> None:
    try:
        ray.init(address=address or "local", log_to_driver=False, logging_level="error", **own)
        _put_back(handlers)
    except SystemExit:  # raised by the handler of SIGTERM that Ray puts in place of ours
        stop(signal.SIGTERM)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise _no_cluster(address, error) from error
    heed()


def _put_back(handlers: dict[signal.Signals, Any]) -> None:
    """Ray replaces them when it starts, and sets none when it ends."""
    if not stop_that_came():
        for number, handler in handlers.items():
            signal.signal(number, handler)


@contextmanager
def _killed_after(others: Collection[int]) -> Iterator[None]:
    """Kill what is left of the processes that come from this one: Ray waits a second for each, and its agents may live on for a minute."""
    with ExitStack() as handles:
        found = []
        for number in _descendants(os.getpid(), _started(), others):
            with suppress(OSError):  # it has ended
                found.append(os.pidfd_open(number))  # its number may be another's by then
                handles.callback(os.close, found[-1])
        try:
            yield
        finally:
            for handle in found:
                with suppress(OSError):
                    signal.pidfd_send_signal(handle, signal.SIGKILL)
            _await(found, seconds=ENDED_S)


def _await(processes: Sequence[int], *, seconds: float) -> None:
    """Wait until they have ended, so that none writes to a folder that goes."""
    waiting, left, end = select.poll(), set(processes), time.monotonic() + seconds
    for handle in processes:
        waiting.register(handle, select.POLLIN)
    while left and (rest := end - time.monotonic()) > 0:
        for handle, _ in waiting.poll(rest * 1000):
            waiting.unregister(handle)
            left.discard(handle)


def _descendants(parent: int, started: Mapping[int, Sequence[int]], others: Collection[int]) -> Iterator[int]:
    for child in started.get(parent, ()):
        if child not in others:
            yield child
            yield from _descendants(child, started, others)


def _started() -> dict[int, list[int]]:
    """The processes of this machine by who started them, as far as /proc tells."""
    found: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has ended
            parent = path.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[1]
            found.setdefault(int(parent), []).append(int(path.parent.name))
    return found


def _no_cluster(address: str | None, error: Exception) -> RunError:
    what = f"--ray-address {address}: no cluster answers" if address else "Ray did not start here"
    advice = "start it, mend the address, give it this machine's versions of Python and Ray, or set RAY_AUTH_MODE=token if it wants one"
    return RunError(f"{what} ({type(error).__name__}): {advice}; then again")

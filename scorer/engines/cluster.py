"""How does this process come to a Ray, and leave nothing of one behind that it started?"""

import os
import signal
import socket
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from scorer.classify.cores import usable_cores
from scorer.errors import RunError
from scorer.stopping import SIGNALS, heed, stop, stop_that_came

STORE_BYTES = 100 << 20  # of a Ray that we start: only tasks and receipts go through it
CONNECT_S = 10.0
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
    with TemporaryDirectory(prefix=f"ray-{os.getpid()}-", dir="/tmp", ignore_cleanup_errors=True) as folder:  # short: sockets are in it
        try:
            _start(ray, address, workers, folder)
            _put_back(handlers)
            yield ray
        finally:
            with _killed_after(others):
                ray.shutdown()
            _put_back(handlers)
            heed()  # Ray makes an error of its own of what the handler of a signal raises


def _start(ray: Any, address: str | None, workers: int | None, folder: str) -> None:
    own = {
        "num_cpus": max(workers or 1, usable_cores()),
        "include_dashboard": False,
        "object_store_memory": STORE_BYTES,
        "_temp_dir": folder,
    }
    try:
        ray.init(address=address or "local", log_to_driver=False, logging_level="error", **({} if address else own))
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
        yield
        for handle in found:
            with suppress(OSError):
                signal.pidfd_send_signal(handle, signal.SIGKILL)


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

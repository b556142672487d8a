"""How does this process come to a Ray, and leave nothing of one behind that it started?"""

import ctypes
import os
import shutil
import signal
import socket
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from scorer.classify.cores import usable_cores
from scorer.durable import unwritable
from scorer.errors import RunError
from scorer.log import told
from scorer.stopping import SIGNALS, heed, put_off, stop, stop_that_came

STORE_BYTES = 100 << 20  # of a Ray that we start: only tasks and receipts go through it
CONNECT_S = 10.0
ENDED_S = 2.0  # for processes to be gone that were killed
SHUTDOWN_S = 4.0  # for Ray to end by itself; then what is ours is killed, before the run itself is ended hard
REMIND_S = 0.01  # Ray sets SIGTERM back to what ends a process at once; for so long at most that stands
ADOPTS = 36  # PR_SET_CHILD_SUBREAPER of prctl(2)
NOT_THERE = (ConnectionError, ValueError, RuntimeError)  # what Ray raises where it finds no cluster, or cannot start one
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
    import psutil  # before Ray, which would put a copy of its own in its place
    import ray  # seconds, and an extra

    handlers = {number: signal.getsignal(number) for number in SIGNALS}
    try:
        with ExitStack() as stack:
            own = {} if address else stack.enter_context(_own(psutil.Process(), workers))
            try:
                _start(ray, address, own, handlers)
                yield ray
            finally:
                _shut_down(ray)
    finally:
        _put_back(handlers)
        heed()  # Ray makes an error of its own of what the handler of a signal raises


@contextmanager
def _own(me: Any, workers: int | None) -> Iterator[dict[str, Any]]:
    """Settings of a Ray of our own, whose processes and files go with it; all that this process starts meanwhile counts as Ray's."""
    base = os.environ.get("RAY_TMPDIR", "/tmp")  # as Ray itself has it; short, for sockets are in it
    folder = Path(base, f"ray-{os.getpid()}-{uuid.uuid4().hex[:8]}")
    others = set(me.children(recursive=True))
    _adopt(True)
    try:  # from before the folder is there: a run may be told to stop while it is made
        try:
            folder.mkdir(mode=0o700)
        except OSError as error:
            raise unwritable(folder, error) from error
        yield {
            "num_cpus": max(workers or 1, usable_cores()),
            "include_dashboard": False,
            "object_store_memory": STORE_BYTES,
            "_temp_dir": str(folder),
        }
    finally:
        _end_all_but(me, others)
        shutil.rmtree(folder, ignore_errors=True)
        _adopt(False)


def _start(ray: Any, address: str | None, own: dict[str, Any], handlers: dict[signal.Signals, Any]) -> None:
    try:
        ray.init(address=address or "local", log_to_driver=False, logging_level="error", **own)
        _put_back(handlers)
    except SystemExit:  # raised by the handler of SIGTERM that Ray puts in place of ours
        stop(signal.SIGTERM)
    except Exception as error:
        if not isinstance(error, NOT_THERE) and type(error) is not Exception:  # which Ray raises where a node is slow to start
            raise
        raise _no_cluster(address, error) from error
    heed()


def _shut_down(ray: Any) -> None:
    """Disconnect, and end what Ray itself started; a signal waits. Ray forgets the handler of SIGTERM, and works on for seconds."""
    put_off()
    ending, end = threading.Thread(target=_quietly, args=(ray.shutdown,), daemon=True), time.monotonic() + SHUTDOWN_S
    ending.start()
    while ending.is_alive() and time.monotonic() < end:
        ending.join(REMIND_S)
        put_off()


def _quietly(shutdown: Callable[[], None]) -> None:
    try:
        shutdown()
    except Exception as error:  # noqa: BLE001  (its words may quote anything, and the run is done)
        told("ray", f"Ray did not end as it should ({type(error).__name__})")


def _put_back(handlers: dict[signal.Signals, Any]) -> None:
    """Ray replaces them when it starts, and sets none when it ends."""
    if not stop_that_came():
        for number, handler in handlers.items():
            signal.signal(number, handler)


def _adopt(wanted: bool, /) -> None:
    """Whether a process below this one whose parent ends becomes a child of this one, and can be found."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(ADOPTS, int(wanted))


def _end_all_but(me: Any, others: set[Any]) -> None:
    """Kill what this process has started since: Ray's agents live on for a minute, and would write to the folder again."""
    import psutil

    end = time.monotonic() + ENDED_S
    while (left := set(me.children(recursive=True)) - others) and (rest := end - time.monotonic()) > 0:
        for process in left:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(left, timeout=rest)


def _no_cluster(address: str | None, error: Exception) -> RunError:
    kind = type(error).__name__
    if not address:
        return RunError(f"Ray did not start here ({kind}): see that the machine has memory and time to spare, then again")
    advice = "start it, mend the address, give it this machine's versions of Python and Ray, or set RAY_AUTH_MODE=token if it wants one"
    return RunError(f"--ray-address {address}: no cluster answers ({kind}): {advice}; then again")

"""Who works on a run folder, or on a file? One at a time; the lock of a process that died is free at once."""

import fcntl
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from scorer.durable import unwritable
from scorer.errors import LockedError, RunError
from scorer.faults import reach
from scorer.places import refuse_uri

LOCK_FILE = ".lock"


@contextmanager
def hold(folder: Path) -> Iterator[None]:
    """Have `folder` to oneself; it is made where it is missing, and taken away again where nothing was put into it.

    Raises LockedError at once where another process has it, RunError where it cannot be written to. The lock is the kernel's (flock),
    so that it ends with its process, however that ends; what the file holds is for people only.
    """
    refuse_uri(folder)
    if os.path.lexists(folder) and not folder.is_dir():
        raise RunError(f"{folder}: is a file, or a link to nowhere: choose a folder for --out")
    if not _is_utf8(folder):
        raise RunError(f"{folder}: is no name in UTF-8: choose another folder for --out")
    try:
        with _held(folder / LOCK_FILE, folder):
            yield
    finally:
        with suppress(OSError):
            folder.rmdir()  # only where it is empty


@contextmanager
def hold_file(path: Path) -> Iterator[None]:
    """Have a file that is to be written to oneself, by a lock beside it; as `hold`. Raises RunError where no such file can be written."""
    refuse_uri(path)
    if not path.name or (os.path.lexists(path) and not path.is_file()):
        raise RunError(f"{path}: is no file, or a link to nowhere: choose another file for --out")
    if not _is_utf8(path):
        raise RunError(f"{path}: is no name in UTF-8: choose another file for --out")
    with _held(path.with_name(f".{path.name}{LOCK_FILE}"), path):
        yield


@contextmanager
def _held(lock: Path, shown: Path) -> Iterator[None]:
    try:
        handle = _lock(lock, shown)
    except OSError as error:
        raise unwritable(shown, error) from error
    try:
        reach("lock")
        yield
    finally:
        with suppress(OSError):  # another process may have come in between, or the folder be read-only by now
            lock.unlink(missing_ok=True)
        os.close(handle)


def _is_utf8(path: Path) -> bool:
    """Whether every library can open what lies there."""
    try:
        return bool(str(path).encode())
    except UnicodeEncodeError:
        return False


def _lock(lock: Path, shown: Path) -> int:
    """An open, locked handle of the lock file that is there by that name: a file that was unlinked meanwhile does not count."""
    while True:
        lock.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):  # the holder before took the folder away: make it again
            handle = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise LockedError(f"{shown}: {_holder(handle)} works on it: wait until it is done, or name another --out") from error
            if _is_named(handle, lock):
                _sign(handle)
                return handle
            os.close(handle)


def _is_named(handle: int, lock: Path) -> bool:
    try:
        named = lock.stat()
    except FileNotFoundError:
        return False
    return (named.st_dev, named.st_ino) == (os.fstat(handle).st_dev, os.fstat(handle).st_ino)


def _sign(handle: int) -> None:
    with suppress(OSError):  # on a full disk the lock holds all the same
        os.ftruncate(handle, 0)
        os.pwrite(handle, json.dumps({"pid": os.getpid(), "host": socket.gethostname()}).encode(), 0)


def _holder(handle: int) -> str:
    text = os.pread(handle, 1000, 0)
    os.close(handle)
    try:
        holder = json.loads(text)
        return f"process {holder['pid']} on {holder['host']}"
    except (ValueError, KeyError, TypeError):
        return "another process"

"""How does a file get its name so that it is whole, and still there after a power cut?"""

import errno
import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

from scorer.errors import RunError
from scorer.faults import reach

ADVICE = {
    errno.ENOSPC: "the disk is full: free space and run the same command again",
    errno.EDQUOT: "the quota is used up: raise it or free space, and run the same command again",
    errno.EFBIG: "the file size limit is reached: raise it (ulimit -f) and run the same command again",
    errno.EROFS: "the file system is read-only: choose another folder or mount it for writing",
    errno.EACCES: "permission is missing: give this user the right to write there",
    errno.EPERM: "permission is missing: give this user the right to write there",
    errno.ENAMETOOLONG: "a path or file name is too long: give a shorter one",
    errno.EIO: "the disk or network store failed: check it and run the same command again",
}


def sync(path: Path) -> None:
    """Bring a file or the names in a folder to disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def move(staged: Path, final: Path) -> None:
    """Give what was written, and is on disk, its name; whatever had it before is gone. The name itself needs a `sync` of its folder."""
    os.replace(staged, final)


def publish(staged: Path, final: Path) -> None:
    """Bring a file that was written to disk, then give it its name, on disk as well."""
    sync(staged)
    move(staged, final)
    sync(final.parent)


def write_text(path: Path, parts: Iterable[str], *, step: str) -> None:
    """Write a text file that is there whole or not at all; `step` is how faults.py calls it."""
    reach(step)
    staged = path.with_name(f".{path.name}")
    with staged.open("w", encoding="utf-8") as stream:
        stream.writelines(parts)
        stream.flush()
        reach(f"{step}-sync")
        os.fsync(stream.fileno())
    reach(f"{step}-name")
    move(staged, path)
    reach(f"{step}-named")
    sync(path.parent)


def file_hash(path: Path) -> str:
    """sha256 of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def unwritable(path: Path, error: OSError) -> RunError:
    """The failure as it is told: where, what the system said, what to do."""
    found = os.strerror(error.errno) if error.errno else type(error).__name__
    advice = ADVICE.get(error.errno or 0, "check space and permissions, and run the same command again")
    return RunError(f"{path}: cannot be written ({found}): nothing unfinished was published; {advice}")


def digest(parts: Iterable[str]) -> str:
    """sha256 over texts in order; each is closed, so that no two lists run together."""
    total = hashlib.sha256()
    for part in parts:
        encoded = part.encode("utf-8", "surrogatepass")
        total.update(len(encoded).to_bytes(8, "big") + encoded)
    return total.hexdigest()

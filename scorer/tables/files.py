"""Which Parquet files are meant, and can they be opened?"""

import glob
import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from scorer.errors import InputError, listing

BATCH_ROWS = 1024
MAGIC = b"PAR1"
ENCRYPTED = b"PARE"


@dataclass(frozen=True, slots=True)
class InputFile:
    """One input file as it was read."""

    path: Path
    size: int  # bytes
    sha256: str


def expand_inputs(inputs: Sequence[str]) -> list[Path]:
    """The files behind paths, folders (searched for *.parquet) and globs, each once.

    Sorted within a folder or glob; names that begin with . or _ are skipped there.
    Raises InputError with every input that leads nowhere.
    """
    found: dict[Path, Path] = {}
    problems: list[str] = []
    for text in inputs:
        files, problem = _expand(text)
        problems += [problem] if problem else []
        for file in files:
            found.setdefault(file.resolve(), file)
    if problems or not inputs:
        raise InputError(listing("no input to read", problems or ["no file, folder or glob was given: name at least one"]))
    return list(found.values())


def describe_file(path: Path) -> InputFile:
    """Size and hash of a file. Raises InputError where it cannot be read."""
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        return InputFile(path, path.stat().st_size, digest)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}): check the path and its permissions") from error


@contextmanager
def open_parquet(path: Path) -> Iterator[pq.ParquetFile]:
    """An open Parquet file; whatever Arrow raises while it is open becomes an InputError."""
    problem = _plain_problem(path)
    if problem:
        raise InputError(f"{path}: {problem}")
    with reading(path), pq.ParquetFile(path, page_checksum_verification=True, pre_buffer=False) as file:
        yield file


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn what Arrow raises on bad bytes into an InputError, without its text: that may quote cells."""
    try:
        yield
    except (OSError, pa.ArrowException, UnicodeDecodeError) as error:
        if "encrypt" in str(error).lower():
            raise InputError(f"{path}: encrypted: export it without encryption") from error
        raise InputError(f"{path}: corrupt or not supported ({type(error).__name__}): export or copy it again") from error


def read_batches(file: pq.ParquetFile, *, rows: int = BATCH_ROWS) -> Iterator[pa.RecordBatch]:
    """The rows of a file, checked for structure, at most `rows` at a time."""
    for batch in file.iter_batches(batch_size=rows):
        batch.validate()
        yield batch


def _expand(text: str) -> tuple[list[Path], str | None]:
    path = Path(text)
    if path.is_file():
        return [path], None
    if path.is_dir():
        files = [file for file in sorted(path.rglob("*.parquet")) if file.is_file() and not _is_hidden(file.relative_to(path))]
        return files, None if files else f"{text}: a folder without *.parquet files: check the path"
    if glob.has_magic(text):
        hits = [Path(hit) for hit in sorted(glob.glob(text, recursive=True))]
        files = [file for file in hits if file.is_file() and not file.name.startswith((".", "_"))]
        return files, None if files else f"{text}: no file fits this pattern: check the pattern"
    return [], f"{text}: does not exist or is not a file or folder: check the path"


def _is_hidden(relative: Path) -> bool:
    return any(part.startswith((".", "_")) for part in relative.parts)


def _plain_problem(path: Path) -> str | None:
    if not path.is_file():
        return "does not exist or is not a file: check the path"
    try:
        with path.open("rb") as file:
            size = path.stat().st_size
            head = file.read(4)
            file.seek(max(0, size - 4))
            tail = file.read(4)
    except OSError as error:
        return f"cannot be read ({error.strerror}): check its permissions"
    if size == 0:
        return "empty, 0 bytes: export or copy it again"
    if ENCRYPTED in (head, tail):
        return "encrypted: export it without encryption"
    if head != MAGIC:
        return "not a Parquet file, whatever its name says: export it as Parquet"
    return None if tail == MAGIC and size >= 12 else "truncated, its end is missing: copy it again"

"""Which Parquet files are meant, and can they be opened?"""

import glob
import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from scorer.errors import InputError, listing
from scorer.places import is_hidden, is_uri
from scorer.records import RejectReason, Stage

BATCH_ROWS = 1024
SCANNED_BYTES = 16 << 20  # at a time
MAGIC = b"PAR1"
ENCRYPTED = b"PARE"


@dataclass(frozen=True, slots=True)
class InputFile:
    """One input file as it was found. `path` is as given, `sha256` of its bytes."""

    path: Path
    size: int  # bytes
    sha256: str
    origin: str = ""  # where it was fetched from

    @property
    def source(self) -> str:
        """Where it came from: the path as text, in which a name that is not UTF-8 is escaped, or its URI."""
        return self.origin or os.fsencode(self.path).decode("utf-8", "backslashreplace")

    @property
    def identity(self) -> str:
        """What stands for the file in a fingerprint: its path, since rejects tell it, and its bytes."""
        return f"{self.source} {self.sha256}"


def expand_inputs(inputs: Sequence[str]) -> list[Path]:
    """The files behind paths, folders (searched for *.parquet) and globs of both, each once.

    Sorted within a folder or glob; names that begin with . or _ are skipped there, links are followed.
    Raises InputError with every input that leads nowhere, or to a folder that cannot be listed.
    """
    found: dict[str, Path] = {}
    problems: list[str] = []
    for text in inputs:
        files, problem = _expand(text)
        problems += [problem] if problem else []
        for file in files:
            found.setdefault(os.path.realpath(file), file)
    if problems or not inputs:
        raise InputError(listing("no input to read", problems or ["no file, folder or glob was given: name at least one"]))
    return list(found.values())


def describe_files(paths: Sequence[Path]) -> list[InputFile]:
    """Size and hash of every file, in the order of their names: not of the listing, so that the same files give the same result.

    Raises InputError where one cannot be read for want of permission or of a working disk: that is not the file's fault.
    """
    found = []
    for path in paths:
        try:
            found.append(_described(path))
        except OSError as error:
            raise InputError(f"{path}: cannot be read ({error.strerror}): check the path and its permissions") from error
    return in_order(found)


def _described(path: Path) -> InputFile:
    """With neither size nor hash where it is a pipe, whose end would never come, or gone since it was listed: a reject when it is read."""
    with suppress(FileNotFoundError):
        if path.is_file():
            with path.open("rb") as file:
                return InputFile(path, path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest())
    return InputFile(path, 0, "")


def in_order(files: Sequence[InputFile]) -> list[InputFile]:
    """In the order of their names, wherever they are."""
    places = {file: PurePosixPath(file.origin or file.path) for file in files}
    return sorted(files, key=lambda file: (places[file].name, file.sha256, str(places[file])))


class FileError(InputError):
    """A Parquet file that cannot be read, with the reason and the stage as rejects/ has them."""

    def __init__(self, message: str, reason: RejectReason, stage: Stage) -> None:
        super().__init__(message)
        self.reason = reason
        self.stage = stage


@contextmanager
def open_parquet(path: Path) -> Iterator[pq.ParquetFile]:
    """An open Parquet file; whatever Arrow raises while it is open becomes a FileError."""
    problem = _plain_problem(path)
    if problem:
        raise FileError(f"{path}: {problem[1]}", problem[0], "open")
    with (
        reading(path),
        pa.OSFile(os.fsencode(path)) as opened,  # given a path, Arrow wants a name in UTF-8
        pq.ParquetFile(opened, page_checksum_verification=True, pre_buffer=False) as file,
    ):
        yield file


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn what Arrow raises on bad bytes into a FileError, without its text: that may quote cells."""
    try:
        yield
    except (MemoryError, pa.ArrowMemoryError) as error:
        advice = "raise limits.file_memory_mb where the file is as it should be"
        raise FileError(f"{path}: needs too much memory: {advice}", RejectReason.FILE_MEMORY, "read") from error
    except (OSError, pa.ArrowException, UnicodeDecodeError) as error:
        if "encrypt" in str(error).lower():
            raise FileError(f"{path}: encrypted: export it without encryption", RejectReason.FILE_ENCRYPTED, "read") from error
        found = f"corrupt or not supported ({type(error).__name__})"
        raise FileError(f"{path}: {found}: export or copy it again", RejectReason.FILE_CORRUPT, "read") from error


def read_batches(file: pq.ParquetFile, *, rows: int = BATCH_ROWS, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
    """The rows of a file, at most `rows` at a time, fully checked; text that is not UTF-8 is let through, to be mended or refused."""
    found = 0
    for batch in file.iter_batches(batch_size=rows, columns=columns and list(columns)):
        found += batch.num_rows
        try:
            batch.validate(full=True)
        except pa.ArrowInvalid as error:
            if "UTF8" not in str(error):
                raise
            batch.validate()
        yield batch
    if found != file.metadata.num_rows:  # one flipped bit in a page header can end a column before its first row, without any error
        raise pa.ArrowInvalid("rows and footer differ")


def refuse_joined(path: Path) -> None:
    """Raise FileError where whole Parquet files lie one behind the other: Arrow would read the first by the footer of the last."""
    if _is_joined(path):
        found = f"{path}: two Parquet files, one behind the other, of which one would be lost: give each by itself"
        raise FileError(found, RejectReason.FILE_CORRUPT, "open")


def _is_joined(path: Path) -> bool:
    size = path.stat().st_size
    with path.open("rb") as file:
        for start in range(0, size, SCANNED_BYTES):
            file.seek(start)
            piece = file.read(SCANNED_BYTES + len(MAGIC) - 1)
            ends = (start + found.end() for found in re.finditer(MAGIC, piece))
            if any(end < size and _ends_at(file, end) for end in ends):
                return True
    return False


def _ends_at(file: BinaryIO, end: int) -> bool:
    """Whether what comes before `end` is the footer of a Parquet file, and not a text that looks so."""
    file.seek(max(0, end - 8))
    length = int.from_bytes(file.read(4), "little")
    if length > end - 12:
        return False
    file.seek(end - 8 - length)
    try:
        pq.read_metadata(pa.BufferReader(MAGIC + file.read(length + 8)))
    except (OSError, pa.ArrowException):
        return False
    return True


def _expand(text: str) -> tuple[list[Path], str | None]:
    if is_uri(text):
        return [], f"{text.partition(':')[0]}://...: only scorer score and scorer check read from a store: copy a file here"
    path = Path(text)
    try:
        if path.is_file():
            return [path], None
        if path.is_dir():
            files = sorted(_walk(path, set()))
            return files, None if files else f"{text}: a folder without *.parquet files: check the path"
        if glob.has_magic(text):
            seen: set[tuple[int, int]] = set()
            found = [sorted(_walk(place, seen)) if place.is_dir() else [place] for place in _fitting(path)]
            files = [file for places in found for file in places]
            return files, None if files else f"{text}: no file fits this pattern: check the pattern"
    except OSError as error:
        return [], f"{error.filename or text}: cannot be searched ({error.strerror}): check the path and its permissions"
    return [], f"{text}: does not exist or is not a file or folder: check the path"


def _walk(folder: Path, seen: set[tuple[int, int]]) -> Iterator[Path]:
    """The *.parquet files below, behind links too. Raises OSError where a folder cannot be listed."""
    found = folder.stat()
    if (found.st_dev, found.st_ino) in seen:  # links lead in a circle, or here twice
        return
    seen.add((found.st_dev, found.st_ino))
    for path in sorted(folder.iterdir(), key=lambda path: (path.is_symlink(), path.name)):  # a folder's own name before a link's
        if is_hidden([path.name]):
            continue
        if path.is_dir():
            yield from _walk(path, seen)
        elif path.suffix == ".parquet":
            yield path


def _fitting(pattern: Path) -> Iterator[Path]:
    """What a pattern means, but for hidden names that it does not say. Raises OSError where a folder on its way cannot be listed.

    Glob would leave that out.
    """
    for end in (end for end, part in enumerate(pattern.parts) if glob.has_magic(part)):
        for folder in glob.iglob(str(Path(*pattern.parts[:end])), recursive=True):
            if os.path.isdir(folder):
                os.scandir(folder).close()
    found = map(Path, sorted(glob.glob(str(pattern), recursive=True)))
    return (path for path in found if not is_hidden(path.parts, but=pattern.parts))


def _plain_problem(path: Path) -> tuple[RejectReason, str] | None:
    if not path.exists():
        return RejectReason.FILE_VANISHED, "does not exist: check the path"
    if not path.is_file():
        return RejectReason.FILE_NOT_PARQUET, "a pipe, socket or device, not a file: take it away"
    try:
        with path.open("rb") as file:
            size = path.stat().st_size
            head = file.read(4)
            file.seek(max(0, size - 4))
            tail = file.read(4)
    except OSError as error:
        return RejectReason.FILE_CORRUPT, f"cannot be read ({error.strerror}): check its permissions"
    if size == 0:
        return RejectReason.FILE_EMPTY, "empty, 0 bytes: export or copy it again"
    if ENCRYPTED in (head, tail):
        return RejectReason.FILE_ENCRYPTED, "encrypted: export it without encryption"
    if head != MAGIC:
        return (
            RejectReason.FILE_NOT_PARQUET,
            "not a Parquet file, whatever its name says: export it as Parquet, or turn transcripts into one with scorer import",
        )
    whole = tail == MAGIC and size >= 12
    return None if whole else (RejectReason.FILE_TRUNCATED, "truncated, its end is missing: copy it again")

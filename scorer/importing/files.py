"""Which files are meant, and what is in them? Folders, globs and archives as a stream of documents, one at a time."""

import glob
import gzip
import os
import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePath, PurePosixPath
from typing import IO

from scorer.errors import InputError, listing
from scorer.importing.source import ImportReason, SourceError

MAX_BYTES = 64 << 20  # of one document: an hour of talk with word times takes about 2 MB
MAX_MEMBERS = 200_000  # of one archive
MAX_ARCHIVE_BYTES = 16 << 30  # of one archive, unpacked
MAX_RATIO = 200  # unpacked to packed: JSON of words packs about 20 to 1
ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
UNPACKING = (OSError, EOFError, zipfile.BadZipFile, tarfile.TarError, zlib.error, NotImplementedError, RuntimeError, ValueError)


@dataclass(frozen=True, slots=True)
class Document:
    """One file, or one member of an archive. `name` is its place below the source, without its suffixes: a call_id if need be.

    Bytes of either that are not UTF-8 are written as `\\xff`.
    """

    source: str
    name: str
    content: bytes | SourceError
    path: Path | None = None  # of a file that is too large to be held, such as JSON Lines of a whole night


def documents(sources: Sequence[str]) -> Iterator[Document]:
    """Every document of the sources, sorted within folders and globs, each file once.

    Names that begin with . or _ are skipped in folders. A document that cannot be had holds the reason instead of bytes.
    Raises InputError, before the first document, with every source that leads nowhere, and at the end where there was none.
    """
    problems = [problem for text in sources if (problem := _problem(text))]
    if problems or not sources:
        raise InputError(listing("nothing to import", problems or ["no file, folder, glob or archive was given: name at least one"]))
    found = False
    for document in _each(sources):
        found = True
        yield document
    if not found:
        raise InputError(listing("nothing to import", [f"{text}: holds no file" for text in sources]))


def _each(sources: Sequence[str]) -> Iterator[Document]:
    seen: set[tuple[int, int]] = set()
    for text in sources:
        for path, root in _files(text):
            try:
                status = path.stat()
                known = (status.st_dev, status.st_ino)
            except OSError as error:
                yield _no(path, root, SourceError(ImportReason.UNREADABLE, str(error.strerror)))
                continue
            if known in seen:
                continue
            if len(sources) > 1 or glob.has_magic(text):  # a file or folder names each once, and memory stays constant
                seen.add(known)
            yield from _open(path, root)


def _problem(text: str) -> str | None:
    path = Path(text)
    if text == "-" or (path.exists() and not path.is_file() and not path.is_dir()):
        return f"{text}: a pipe, socket or device, which cannot be read twice: write what it gives into a file, and name that"
    if path.exists() or (glob.has_magic(text) and next(glob.iglob(text, recursive=True), None)):
        return None
    return f"{text}: no such file or folder, and no file fits it as a pattern: check the path"


def _files(text: str) -> Iterator[tuple[Path, Path]]:
    """Each file with the folder that it must lie in."""
    path = Path(text)
    if path.is_file():
        yield path, path.resolve().parent  # named by hand: a link is meant
    elif path.is_dir():
        yield from ((file, path) for file in _walk(path))
    else:
        for hit in (Path(hit) for hit in sorted(glob.iglob(text, recursive=True))):
            if hit.name.startswith((".", "_")):
                continue
            if hit.is_dir():
                yield from ((file, hit) for file in _walk(hit))
            else:
                yield hit, hit.parent


def _walk(folder: Path) -> Iterator[Path]:
    for here, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith((".", "_")))
        linked = [name for name in folders if os.path.islink(os.path.join(here, name))]  # never entered, but told
        yield from (Path(here) / name for name in sorted(names + linked) if not name.startswith((".", "_")))


def _open(path: Path, root: Path) -> Iterator[Document]:
    if path.is_dir() and path.resolve().is_relative_to(root.resolve()):
        return  # a link to a folder that is read anyway
    if path.is_symlink() and not path.resolve().is_relative_to(root.resolve()):
        yield _no(path, root, SourceError(ImportReason.OUTSIDE_FOLDER, "a link that leads out of its folder: copy the file there"))
    elif not path.is_file():
        yield _no(path, root, SourceError(ImportReason.UNREADABLE, "not a regular file"))
    elif path.name.casefold().endswith(ARCHIVES):
        yield from _archive(path, root)
    else:
        yield _read(path, root)


def _read(path: Path, root: Path) -> Document:
    try:
        if path.stat().st_size > MAX_BYTES:
            return Document(_written(path), _name(path, root), _too_large(path.stat().st_size), path)
        if path.name.casefold().endswith(".gz"):
            with gzip.open(path) as stream:
                return Document(_written(path), _name(path, root), _member(stream, 0))
        return Document(_written(path), _name(path, root), path.read_bytes(), path)
    except UNPACKING as error:
        return _no(path, root, SourceError(ImportReason.UNREADABLE, f"cannot be read ({type(error).__name__})"))


def _archive(path: Path, root: Path) -> Iterator[Document]:
    packed, unpacked = path.stat().st_size, 0
    members = _zipped(path) if path.name.casefold().endswith(".zip") else _tarred(path)
    try:
        for count, (name, size, stream) in enumerate(members):
            unpacked += size
            if count >= MAX_MEMBERS or unpacked > min(MAX_ARCHIVE_BYTES, max(MAX_BYTES, packed * MAX_RATIO)):
                yield _no(path, root, SourceError(ImportReason.ARCHIVE_LIMIT, "unpacks to more than a folder of transcripts would"))
                return
            source = _written(f"{path}!{name}")
            label = f"{_name(path, root)}/{_written(PurePosixPath(name).with_suffix(''))}"  # archives of several days have the same members
            yield Document(source, label, stream if isinstance(stream, SourceError) else _member(stream, size))
    except UNPACKING as error:
        yield _no(path, root, SourceError(ImportReason.UNREADABLE, f"damaged or encrypted archive ({type(error).__name__})"))


Member = tuple[str, int, IO[bytes] | SourceError]


def _zipped(path: Path) -> Iterator[Member]:
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            if _leads_out(member.filename):
                yield member.filename, 0, SourceError(ImportReason.OUTSIDE_FOLDER, "a path that leads out of the archive")
            elif _is_plain(member.filename) and not member.is_dir():
                try:
                    stream: IO[bytes] | SourceError = archive.open(member)
                except UNPACKING as error:
                    stream = _damaged(error)
                yield member.filename, member.file_size, stream
                if not isinstance(stream, SourceError):
                    stream.close()


def _tarred(path: Path) -> Iterator[Member]:
    with tarfile.open(path, mode="r|*") as archive:
        for member in archive:
            archive.members = []  # type: ignore[attr-defined]  # it would remember every header
            if member.issym() or member.islnk() or _leads_out(member.name):
                yield member.name, 0, SourceError(ImportReason.OUTSIDE_FOLDER, "a link, or a path that leads out of the archive")
            elif member.isfile() and _is_plain(member.name):
                stream = archive.extractfile(member)
                yield member.name, member.size, stream or SourceError(ImportReason.UNREADABLE, "no content")


def _member(stream: IO[bytes] | gzip.GzipFile, size: int) -> bytes | SourceError:
    if size > MAX_BYTES:
        return _too_large(size)
    try:
        content = stream.read(MAX_BYTES + 1)  # the header may lie
    except UNPACKING as error:  # members before and after it may be whole
        return _damaged(error)
    return content if len(content) <= MAX_BYTES else _too_large(len(content))


def _damaged(error: Exception) -> SourceError:
    return SourceError(ImportReason.UNREADABLE, f"damaged or encrypted ({type(error).__name__})")


def _leads_out(name: str) -> bool:
    return PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts


def _is_plain(name: str) -> bool:
    return not any(part.startswith((".", "_")) for part in PurePosixPath(name).parts if part != ".")


def _too_large(size: int) -> SourceError:
    return SourceError(
        ImportReason.TOO_LARGE, f"{size >> 20} MB: one document may have {MAX_BYTES >> 20} MB; give JSON Lines or a file per call"
    )


def _no(path: Path, root: Path, error: SourceError) -> Document:
    return Document(_written(path), _name(path, root), error)


def _name(path: Path, root: Path) -> str:
    with suppress(ValueError):
        return _written(path.relative_to(root).with_suffix(""))
    return _written(path.stem)


def _written(name: str | PurePath) -> str:
    return os.fsencode(name).decode("utf-8", "backslashreplace")

"""How do bytes get into a store and out of it, whatever fails on the way?"""

import hashlib
import os
import re
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from math import isfinite, nan
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.fs as fs
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_delay, wait_random_exponential

from scorer.durable import ADVICE
from scorer.errors import ConfigError, ScorerError
from scorer.log import tell
from scorer.places import Uri
from scorer.tables.opening import open_place

PATIENCE = "SCORER_STORE_SECONDS"  # how long a store may fail before the run gives up
AT_ONCE = 8  # requests
PIECE = 8 << 20  # bytes that are held at once
GONE = re.compile(
    r"NO_SUCH_KEY|RESOURCE_NOT_FOUND|NO_SUCH_BUCKET|NO_SUCH_UPLOAD|HTTP status 404|ContainerNotFound|BlobNotFound|NOT_FOUND|"
    r"No such directory"
)
DENIED = re.compile(
    r"ACCESS_DENIED|INVALID_ACCESS_KEY_ID|SIGNATURE|INVALID_CLIENT_TOKEN_ID|UNRECOGNIZED_CLIENT|EXPIRED|AUTHENTICATION|AUTHORIZATION|OPT_IN|"
    r"HTTP status 40[13]\b|PERMISSION_DENIED|UNAUTHENTICATED|credential",
    re.IGNORECASE,
)
REFUSED = re.compile(r"HTTP status (301|307|400|405|409|411|412|413|501)\b|INVALID_PARAMETER|VALIDATION|MALFORMED|INVALID_ARGUMENT")
Found = TypeVar("Found")


class StoreError(ScorerError):
    """A store that does not do what it should."""


class GoneError(StoreError):
    """There is nothing by that name."""


class ChangedError(StoreError):
    """What was read was written anew each time."""


class _PassingError(Exception):
    """May be better the next time; says what it was in a word."""


class _MovedError(_PassingError):
    """Was written anew while it was read."""


class Store:
    """The objects below a URI, by their names from there on.

    What fails in passing is tried again, with growing pauses, until PATIENCE is over. Missing permission and missing objects are not.
    """

    def __init__(self, uri: Uri) -> None:
        self.uri = uri
        self._patience = seconds_of(PATIENCE, 300)
        self._fs, self._base = self._tried("open", "", lambda: open_place(uri, seconds=self._patience / 10))

    def where(self, name: str) -> str:
        """The object as it is told."""
        return "/".join(part for part in (str(self.uri), name) if part)

    def is_object(self, name: str) -> bool:
        """Whether there is an object of exactly that name."""
        found = self._tried("look", name, lambda: self._fs.get_file_info(self._path(name)))
        return bool(found.type == fs.FileType.File)

    def listing(self, name: str = "") -> dict[str, int]:
        """Every object below, with its size in bytes; nothing where there is no such place."""
        chosen = fs.FileSelector(self._path(name), recursive=True, allow_not_found=True)
        found = self._tried("list", name, lambda: self._fs.get_file_info(chosen))
        cut = len(self._path("")) + 1
        return {info.path[cut:]: info.size for info in found if info.type == fs.FileType.File}

    def dated(self) -> dict[str, int]:
        """The objects directly below, with when each was written by the store's clock, in nanoseconds since 1970."""
        chosen = fs.FileSelector(self._path(""), allow_not_found=True)
        found = self._tried("list", "", lambda: self._fs.get_file_info(chosen))
        return {info.base_name: info.mtime_ns for info in found if info.type == fs.FileType.File}

    def fetch(self, name: str, target: Path) -> tuple[int, str]:
        """Write an object into a file; returns size and sha256. Raises GoneError, or ChangedError with what was read last in the file."""

        def attempt() -> tuple[int, str]:
            total, size = hashlib.sha256(), 0
            with target.open("wb") as sink:
                for piece in self._pieces(name):
                    sink.write(piece)
                    total.update(piece)
                    size += len(piece)
            return size, total.hexdigest()

        return self._tried("read", name, attempt)

    def read(self, name: str) -> bytes | None:
        """The bytes of an object, None where there is none."""
        try:
            return self._tried("read", name, lambda: b"".join(self._pieces(name)))
        except GoneError:
            return None

    def sha256(self, name: str) -> str | None:
        """Of the bytes that the store gives back now; None where there is no such object."""

        def attempt() -> str:
            total = hashlib.sha256()
            for piece in self._pieces(name, steady=True):
                total.update(piece)
            return total.hexdigest()

        try:
            return self._tried("verify", name, attempt)
        except GoneError:
            return None

    def put(self, source: Path, name: str) -> None:
        """Write a file into an object. One that fails halfway may be there, short: verify it before anybody is told of it."""

        def attempt() -> None:
            with source.open("rb") as stream, self._fs.open_output_stream(self._path(name)) as sink:
                while piece := stream.read(PIECE):
                    sink.write(piece)

        self._tried("write", name, attempt)

    def write(self, name: str, body: bytes) -> None:
        """Write a small object, in one request where the store has such."""

        def attempt() -> None:
            with self._fs.open_output_stream(self._path(name)) as sink:
                sink.write(body)

        self._tried("write", name, attempt)

    def copy(self, name: str, to: str) -> None:
        """Give an object a second name; the store does it, and does it whole. Raises GoneError."""
        self._tried("copy", to, lambda: self._fs.copy_file(self._path(name), self._path(to)))

    def remove(self, name: str) -> None:
        """Remove an object, where it is there."""
        try:
            self._tried("remove", name, lambda: self._fs.delete_file(self._path(name)))
        except GoneError:
            return

    def drop(self, name: str) -> None:
        """Remove an object if the store does it at once; whoever stops has no time to try again."""
        with suppress(StoreError, _PassingError, OSError):
            self._once(name, lambda: self._fs.delete_file(self._path(name)))

    def clear(self, name: str) -> None:
        """Remove all objects below, and what stands for the folder."""
        try:
            self._tried("remove", name, lambda: self._fs.delete_dir(self._path(name)))
        except GoneError:
            return

    def _path(self, name: str) -> str:
        return "/".join(part for part in (self._base, self.uri.key, name) if part)

    def _pieces(self, name: str, *, steady: bool = False) -> Iterator[bytes]:
        """The bytes of one version of an object: it is read in several requests, and may be written anew between them.

        Nothing looks for that where it is `steady`, so that its bytes are held against what they should be anyway.
        """
        size = 0
        with self._fs.open_input_stream(self._path(name)) as stream:
            version = stream.metadata()
            while piece := stream.read(PIECE):
                size += len(piece)
                yield piece
        told = int((version or {}).get("Content-Length", size))
        if size != told:
            raise _PassingError("SHORT_READ")
        if steady:
            return
        with closing(self._fs.open_input_stream(self._path(name))) as again:
            if again.metadata() != version:
                raise _MovedError("CHANGED")

    def _tried(self, what: str, name: str, attempt: Callable[[], Found]) -> Found:
        """Do it, again where it fails in passing."""

        def pausing(state: RetryCallState) -> None:
            tell("retrying", what=what, where=self.where(name), attempt=state.attempt_number, error=str(_outcome(state)))

        retrying = Retrying(
            retry=retry_if_exception_type(_PassingError),
            wait=wait_random_exponential(multiplier=0.5, max=20),
            stop=stop_after_delay(self._patience),
            before_sleep=pausing,
            reraise=True,
        )
        try:
            found: Found = retrying(self._once, name, attempt)
        except _MovedError as error:
            raise ChangedError(f"{self.where(name)}: changes while it is read: let the export finish first") from error
        except _PassingError as error:
            advice = "nothing unfinished was published; look after the store, then run the same command again"
            raise StoreError(f"{self.where(name)}: failed for {self._patience:.0f} s ({what}: {error}): {advice}") from error
        return found

    def _once(self, name: str, attempt: Callable[[], Found]) -> Found:
        try:
            return attempt()
        except (OSError, pa.ArrowException) as error:
            if isinstance(error, OSError) and error.errno in ADVICE:
                raise  # our own disk
            raise self._sorted(name, error) from error

    def _sorted(self, name: str, error: Exception) -> Exception:
        """What a failure means; its text is not passed on, a store may put anything there."""
        text = str(error)
        found = re.search(r"AWS Error (\w+)(?: \((HTTP status \d+)\))?", text)
        word = " ".join(part for part in found.groups() if part) if found else type(error).__name__
        if "NO_SUCH_BUCKET" in text:
            return StoreError(f"{self.uri.top()}: there is no such bucket: check its name, the region and the endpoint")
        if isinstance(error, FileNotFoundError) or GONE.search(text):
            return GoneError(f"{self.where(name)}: does not exist: check the name")
        if isinstance(error, PermissionError) or DENIED.search(text):
            advice = "check the credentials in the environment or the machine's role, and what they may do there"
            return StoreError(f"{self.where(name)}: permission is missing ({word}): {advice}")
        if isinstance(error, pa.ArrowException) or REFUSED.search(text):
            return StoreError(f"{self.where(name)}: the store refuses ({word}): check the URI, the region and the endpoint")
        return _PassingError(word)


def side_by_side(do: Callable[..., Found], items: Iterable[tuple[Any, ...]]) -> list[Found]:
    """Do something to each, several at once, since most of the time is waiting; the results are in the order of the items."""
    pool = ThreadPoolExecutor(AT_ONCE)
    try:
        return [waiting.result() for waiting in [pool.submit(do, *item) for item in items]]
    finally:
        pool.shutdown(cancel_futures=True)


def seconds_of(variable: str, otherwise: float) -> float:
    """What an environment variable says, at least one. Raises ConfigError where that is no number."""
    text = os.environ.get(variable, str(otherwise))
    try:
        seconds = float(text)
    except ValueError:
        seconds = nan
    if not isfinite(seconds):
        raise ConfigError(f"{variable}: {text!r} is not a number of seconds: unset it, or give one")
    return max(1.0, seconds)


def _outcome(state: RetryCallState) -> Any:
    return state.outcome.exception() if state.outcome else None

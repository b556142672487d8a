"""Which files are meant by paths and URIs, and where are the bytes of those that lie in a store?"""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from glob import has_magic
from pathlib import Path
from tempfile import TemporaryDirectory

from scorer.errors import InputError, listing
from scorer.faults import reach
from scorer.places import Uri, fits, is_hidden, is_uri, parse_uri, plain
from scorer.tables.files import InputFile, describe_files, expand_inputs, in_order
from scorer.tables.store import ChangedError, GoneError, Store, side_by_side


@contextmanager
def swept(folder: Path) -> Iterator[Path]:
    """A folder for what is fetched; it is gone before and afterwards."""
    shutil.rmtree(folder, ignore_errors=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def find_inputs(inputs: Sequence[str], folder: Path) -> list[InputFile]:
    """The files behind paths, folders, globs and URIs, with size and hash; what lies in a store is fetched into `folder`.

    A key that is gone by then, or is written anew again and again, becomes a reject when it is read. Raises InputError with every
    input that leads nowhere, StoreError where a store fails.
    """
    far = [parse_uri(text) for text in inputs if is_uri(text)]
    near = [plain(text) for text in inputs if not is_uri(text)]
    here = describe_files(expand_inputs(near)) if near or not far else []
    return in_order([*here, *_fetched(far, folder)]) if far else here


@contextmanager
def brought(inputs: Sequence[str]) -> Iterator[dict[Path, str]]:
    """The same files, and what each is called where it lies, while they are looked at; those that are here are not read for that."""
    far = [parse_uri(text) for text in inputs if is_uri(text)]
    near = [plain(text) for text in inputs if not is_uri(text)]
    here = {path: str(path) for path in (expand_inputs(near) if near or not far else ())}
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        yield here | {file.path: file.source for file in (_fetched(far, Path(folder) / "inputs") if far else ())}


def _fetched(uris: Sequence[Uri], folder: Path) -> list[InputFile]:
    opened = cache(Store)
    found: dict[tuple[Store, str], None] = {}
    problems = []
    for uri in uris:
        store = opened(uri.top())
        keys = _keys(store, uri.key)
        problems += [] if keys else [f"{uri}: leads to no *.parquet object: check the bucket and the key"]
        found |= dict.fromkeys((store, key) for key in keys)
    if problems:
        raise InputError(listing("no input to read", problems))
    folder.mkdir(parents=True)
    reach("fetch")
    return side_by_side(_fetch, [(*place, folder / str(number)) for number, place in enumerate(found)])


def _fetch(store: Store, key: str, target: Path) -> InputFile:
    """Named by its number here: no path is built from what a store says."""
    origin = store.where(key)
    try:
        return InputFile(target, *store.fetch(key, target), origin)
    except GoneError:
        target.unlink(missing_ok=True)
        return InputFile(target, 0, "", origin)
    except ChangedError:
        return InputFile(target, 0, "", origin)


def _keys(store: Store, key: str) -> list[str]:
    """The objects that a key means: itself, a folder's or a pattern's; as with paths, names that begin with . or _ are skipped."""
    if has_magic(key):
        parts = key.split("/")
        first = next(at for at, part in enumerate(parts) if has_magic(part))
        return [name for name in sorted(store.listing("/".join(parts[:first]))) if _is_meant(name.split("/"), parts)]
    if key and store.is_object(key):
        return [key]
    return [name for name in sorted(store.listing(key)) if _is_below(name[len(key) :].split("/"))]


def _is_meant(name: Sequence[str], pattern: Sequence[str]) -> bool:
    """Whether a pattern fits an object, or a folder that it is in."""
    ends = [end for end in range(1, len(name) + 1) if fits(name[:end], pattern) and not is_hidden(name[:end], but=pattern)]
    return len(name) in ends or any(_is_below(name[end:]) for end in ends)


def _is_below(name: Sequence[str]) -> bool:
    """Whether an object is looked for in a folder, from which on its name is given."""
    return name[-1].endswith(".parquet") and not is_hidden(name)

"""Is a place a path or a URI, and is it a URI that is taken?"""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from scorer.errors import InputError, RunError

LIKE_URI = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):(/+)")
ENDPOINT = {"scheme", "endpoint_override"}
AZURE = {"enable_tls", "blob_storage_authority", "blob_storage_scheme", "dfs_storage_authority", "dfs_storage_scheme"}
OPTIONS = {"s3": {"region", *ENDPOINT}, "gs": ENDPOINT, "abfs": AZURE, "abfss": AZURE}


@dataclass(frozen=True, slots=True)
class Uri:
    """A place in a store; as text it has no options."""

    scheme: str
    root: str  # the bucket, or container@account
    key: str = ""
    options: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        return f"{self.scheme}://{self.root}" + (f"/{self.key}" if self.key else "")

    @property
    def query(self) -> str:
        """The options as a URI has them; empty where there are none."""
        return "?" + "&".join(f"{name}={value}" for name, value in self.options) if self.options else ""

    def top(self) -> "Uri":
        """The bucket or container that it is in."""
        return Uri(self.scheme, self.root, options=self.options)


def is_uri(text: str) -> bool:
    """Whether `text` names a place in a store; a path does not, nor does file://."""
    found = LIKE_URI.match(text)
    return found is not None and len(found[2]) == 2 and found[1].lower() != "file"


def plain(text: str) -> str:
    """A path as it is, of file:// the path. Raises InputError where that names another machine."""
    if not text.lower().startswith("file://"):
        return text
    parts = urlsplit(text)
    if parts.netloc not in ("", "localhost") or not parts.path.startswith("/"):
        raise InputError(f"{parts.scheme}://{parts.netloc}: not a file of this machine: write file:///path, or the path alone")
    return unquote(parts.path)


def below(text: str, name: str) -> str:
    """What is called `name` within a path or URI; options stay at the end."""
    if not is_uri(text):
        return f"{plain(text)}/{name}"
    place, mark, query = text.partition("?")
    return f"{place.rstrip('/')}/{name}{mark}{query}"


def parse_uri(text: str) -> Uri:
    """Take a URI apart.

    Raises InputError where it cannot be used, or holds what may be a secret; no message repeats that.
    """
    scheme, _, rest = text.partition("://")
    rest, _, query = rest.partition("?")
    root, _, key = rest.partition("/")
    scheme, key = scheme.lower(), key.rstrip("/")
    if scheme not in OPTIONS:
        raise InputError(f"{scheme}://: not a store that scorer knows: use a path, s3://, gs://, abfs:// or file://")
    user, at, _ = root.rpartition("@")
    if at and (":" in user or (scheme in ("s3", "gs") and user != "anonymous")):
        advice = "take them out; they come from the environment, a profile or the machine's role"
        raise InputError(f"{scheme}://: the URI holds credentials: {advice}")
    options = tuple(parse_qsl(query, keep_blank_values=True))
    unknown = sorted({name for name, _ in options} - OPTIONS[scheme])
    if unknown:
        known = ", ".join(sorted(OPTIONS[scheme]))
        raise InputError(f"{scheme}://{root}: option {', '.join(unknown)} is not taken from a URI: take it out; known are {known}")
    if not root or any(part in ("", ".", "..") for part in key.split("/") if key):
        raise InputError(f"{scheme}://{root}: no bucket, or an empty part, . or .. in the key: write {scheme}://bucket/key")
    return Uri(scheme, root, key, options)


def refuse_uri(path: Path) -> None:
    """Raise RunError where a path is a URI that lost a slash on its way here: the command reads and writes folders only."""
    found = LIKE_URI.match(str(path))
    if found and found[1].lower() in OPTIONS:
        advice = "bring a run here with scorer fetch URI --out FOLDER, and name that folder"
        raise RunError(f"{found[1]}://...: this command works on folders of this machine: {advice}")


def fits(name: Sequence[str], pattern: Sequence[str]) -> bool:
    """Whether the parts of a name are what a pattern means, as glob has it: * stays within a part, ** is any number of parts."""
    if not name or not pattern:
        return not name and all(part == "**" for part in pattern)
    if pattern[0] == "**":
        return fits(name, pattern[1:]) or fits(name[1:], pattern)
    return (name[0] == pattern[0] or fnmatchcase(name[0], pattern[0])) and fits(name[1:], pattern[1:])


def is_hidden(parts: Sequence[str], *, but: Sequence[str] = ()) -> bool:
    """Whether one of the names begins with . or _, as what is not finished does; `but` are those that were asked for."""
    return any(part.startswith((".", "_")) for part in parts if part not in but)


def check_apart(out: str, inputs: Sequence[str]) -> None:
    """Raise InputError where the results would lie where input is looked for: the next night would take them for calls."""
    root, parts = _parts(out)
    for text in inputs:
        there, pattern = _parts(text)
        ends = [end for end in range(len(parts) + 1) if fits(parts[:end], pattern)] if there == root else []
        if any(not is_hidden(parts[end:]) for end in ends):
            where = str(parse_uri(text)) if is_uri(text) else plain(text)
            raise InputError(f"--out lies within the input {where}: the next night would read results as calls; choose a place outside")


def _parts(text: str) -> tuple[str, tuple[str, ...]]:
    """The store, empty for this machine, and the names that lead to a place."""
    if not is_uri(text):
        return "", Path(os.path.realpath(plain(text))).parts
    uri = parse_uri(text)
    return f"{uri.scheme}://{uri.root}", tuple(filter(None, uri.key.split("/")))

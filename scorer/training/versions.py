"""Which model is live, and which were before? Versions are never overwritten; a link names the one in use."""

import os
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from scorer.classify.model import model_hash, record_files
from scorer.errors import ReleaseError

VERSIONS = "versions"
NUMBERED = re.compile(r".*-v(\d+)")  # default-v3: the third version of models/default


def publish(candidate: Path, live: Path) -> Path:
    """Copy the candidate to the next free version beside `live` and let `live` name it; returns the version's folder.

    The copy is complete before anything names it: a run that starts meanwhile finds the old model or the new one, whole.
    """
    model_hash(candidate)  # raises where a file is missing
    if live.exists() and not live.is_symlink():
        raise ReleaseError(f"{live} is a folder, not a link to a version: move it to {live.parent / VERSIONS}/{live.name}-v1 and link it")
    folder = live.parent / VERSIONS
    folder.mkdir(parents=True, exist_ok=True)
    version = folder / f"{live.name}-v{max((number(v) for v in versions(live)), default=0) + 1}"
    staging = folder / f".{version.name}.staging"
    shutil.rmtree(staging, ignore_errors=True)
    shutil.copytree(candidate, staging)
    record_files(staging)
    os.replace(staging, version)
    point(live, version)
    return version


def check_unreleased(folder: Path) -> None:
    """Raise ReleaseError where the folder is a released version, or a link to one: those are never written to."""
    if folder.is_symlink() or folder.resolve().parent.name == VERSIONS:
        raise ReleaseError(f"{folder}: is a released version, which nothing may change: name another folder, such as models/candidate")


def roll_back(live: Path, to: str | None) -> Path:
    """Let `live` name an earlier version: `to`, or the one numbered next below; returns it. Nothing is deleted."""
    known = versions(live)
    before = [v for v in known if number(v) < number(live.resolve())] if live.is_symlink() else []
    wanted = [v for v in known if v.name == to] if to else before[-1:]
    if not wanted:
        there = ", ".join(v.name for v in known) or "none"
        raise ReleaseError(f"{live}: no version {to or 'before this one'} to go back to; there are: {there}")
    model_hash(wanted[0])
    point(live, wanted[0])
    return wanted[0]


def versions(live: Path) -> Sequence[Path]:
    """The folders of all versions of what `live` names, oldest first."""
    found = [v for v in (live.parent / VERSIONS).glob(f"{live.name}-v*") if number(v)]
    return sorted(found, key=number)


def number(version: Path) -> int:
    """The number in a version's name; 0 where it has none."""
    found = NUMBERED.fullmatch(version.name)
    return int(found[1]) if found else 0


def point(live: Path, version: Path) -> None:
    """Let the link name the version, in one step."""
    staging = live.with_name(f".{live.name}.link")
    staging.unlink(missing_ok=True)
    staging.symlink_to(os.path.relpath(version, live.parent))
    os.replace(staging, live)

"""Which model is live, and which were before? Versions are never overwritten; a link names the one in use."""

import os
import re
import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from scorer.classify.model import model_hash, record_files
from scorer.errors import ReleaseError
from scorer.lock import hold

VERSIONS = "versions"
REPLACED = "replaced"  # a file in a version's folder: the name of the version that was in use when it was released
NUMBERED = re.compile(r".*-v(\d+)")  # default-v3: the third version of models/default


def publish(candidate: Path, live: Path) -> Path:
    """Copy the candidate to the next free version beside `live` and let `live` name it; returns the version's folder.

    The copy is complete before anything names it: a run that starts meanwhile finds the old model or the new one, whole.
    """
    wanted = model_hash(candidate)  # raises where a file is missing
    _check_link(live)
    folder = live.parent / VERSIONS
    with hold(folder):
        version = folder / f"{live.name}-v{max((number(v) for v in versions(live)), default=0) + 1}"
        staging = folder / f".{version.name}.staging"
        shutil.rmtree(staging, ignore_errors=True)
        shutil.copytree(candidate, staging)
        if model_hash(staging) != wanted:
            raise ReleaseError(f"{candidate}: has changed while it was copied: let the training end, evaluate, and release again")
        record_files(staging)
        (staging / REPLACED).write_text(live.readlink().name if live.is_symlink() else "", encoding="utf-8")
        os.replace(staging, version)
        point(live, version)
    return version


def check_unreleased(folder: Path) -> None:
    """Raise ReleaseError where the folder is a released version, or a link to one: those are never written to."""
    if folder.is_symlink() or folder.resolve().parent.name == VERSIONS:
        raise ReleaseError(
            f"{folder}: is a released version, or a link to one, which nothing may change: name another folder, such as models/candidate; "
            "to measure a released model, run make measure"
        )


def roll_back(live: Path, to: str | None) -> Path:
    """Let `live` name an earlier version: `to`, or the one that was in use when this one was released; returns it.

    So a version that was taken back is not come back to. Nothing is deleted.
    """
    _check_link(live)
    known = versions(live)
    wanted = to or _replaced(live, known)
    found = [v for v in known if v.name == wanted]
    if not found:
        there = f"name one of {', '.join(v.name for v in known)} with --to" if known else f"{live.parent / VERSIONS} holds none of its name"
        raise ReleaseError(f"{live}: no version {wanted or 'before this one'} to go back to: {there}")
    model_hash(found[0])
    with hold(live.parent / VERSIONS):
        point(live, found[0])
    return found[0]


def _replaced(live: Path, known: Sequence[Path]) -> str:
    """The name of the version that the one in use took the place of; empty where there was none."""
    if not live.is_symlink():
        return ""
    current = live.resolve()
    with suppress(FileNotFoundError):
        return (current / REPLACED).read_text(encoding="utf-8")
    return next((v.name for v in reversed(known) if number(v) < number(current)), "")  # released before there was such a record


def _check_link(live: Path) -> None:
    if live.exists() and not live.is_symlink():
        raise ReleaseError(f"{live} is a folder, not a link to a version: move it to {live.parent / VERSIONS}/{live.name}-v1 and link it")


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

"""What makes a run this run? Its fingerprint and run.json."""

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scorer.errors import RunError

RUN_FILE = "run.json"
RUN_VERSION = 1


def fingerprint(parts: Mapping[str, Any]) -> str:
    """sha256 over everything that can change a result: inputs, model, rubric, settings, version."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


def file_hash(path: Path) -> str:
    """sha256 of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def read_run(folder: Path) -> dict[str, Any]:
    """The run.json of a finished run.

    Raises RunError where there is none (not a run, or one that did not finish) or it is of another version.
    """
    path = folder / RUN_FILE
    try:
        run: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise RunError(f"{folder}: no {RUN_FILE}: not a run, or one that did not finish; name a folder that scorer score wrote") from error
    except (OSError, ValueError) as error:
        raise RunError(f"{path}: cannot be read ({type(error).__name__}): restore it or score again into a new folder") from error
    if run.get("run_version") != RUN_VERSION:
        raise RunError(f"{path}: version {run.get('run_version')}, this program reads {RUN_VERSION}: use the version that wrote it")
    return run


def write_run(folder: Path, run: Mapping[str, Any]) -> None:
    """Write run.json last: a folder that has one is a finished run."""
    staged = folder / f".{RUN_FILE}"
    with staged.open("w", encoding="utf-8") as stream:
        json.dump({"run_version": RUN_VERSION, **run}, stream, indent=2, default=str)
        stream.write("\n")
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(staged, folder / RUN_FILE)


def claim(folder: Path, wanted: str) -> bool:
    """Whether `folder` already holds exactly the wanted run; False where it is free to be written.

    Raises RunError where it holds anything else; touches nothing.
    """
    if not folder.exists():
        return False
    if not folder.is_dir():
        raise RunError(f"{folder}: is a file: choose a folder for --out")
    if (folder / RUN_FILE).exists():
        run = read_run(folder)
        if run.get("fingerprint") != wanted:
            raise RunError(
                f"{folder}: holds run {run.get('run_id')}, which had other inputs, settings, model, rubric or version: "
                "choose another --out, or delete the folder"
            )
        return True
    foreign = sorted(p.name for p in folder.iterdir() if p.name not in UNFINISHED)
    if foreign:
        raise RunError(f"{folder}: holds {', '.join(foreign[:5])} and no {RUN_FILE}: choose an empty or a new folder for --out")
    return False


UNFINISHED = frozenset({".staging", f".{RUN_FILE}"})  # left by a run that was killed; written anew

"""What would a night understand of these files, whatever they hold? Run as a program it looks for a Fence, as a night reads."""

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from scorer.config import InputMapping
from scorer.errors import InputError, WorkerBugError, bug
from scorer.tables.fence import Death, Fence, serve
from scorer.tables.inspect import FileView, Inspection, SpeakerView, inspect_inputs
from scorer.tables.intake import DEATHS


def fence(*, memory_mb: int, seconds: int) -> Fence:
    """What `look` looks behind."""
    return Fence("scorer.tables.look", memory_mb=memory_mb, seconds=seconds)


def look(files: Mapping[Path, str], mapping: InputMapping, *, unknown_max_share: float, behind: Fence) -> Inspection:
    """`inspect_inputs` in a process of its own; files that take it down, or need too much for it, are problems.

    Raises InputError where all files together need too much, WorkerBugError where a bug of ours stopped it.
    """
    asked = {"mapping": mapping.model_dump(mode="json"), "unknown_max_share": unknown_max_share}
    found, death = _ask(files, asked, behind)
    dead = _deadly(files, asked, behind) if death else {}
    if dead:
        found, death = _ask({path: name for path, name in files.items() if path not in dead}, asked, behind)
    if found is None:
        raise InputError(f"{len(files)} files: what looks at them all {DEATHS[death or 'crashed'][1]}; or give fewer of them")
    problems = tuple(f"{files[path]}: {DEATHS[death][1]}" for path, death in dead.items())
    return replace(found, problems=(*problems, *found.problems))


def _deadly(files: Mapping[Path, str], asked: Mapping[str, Any], behind: Fence) -> dict[Path, Death]:
    """Those that no process can look at, even alone."""
    deaths = {path: _ask({path: name}, asked, behind)[1] for path, name in files.items()}
    return {path: death for path, death in deaths.items() if death}


def _ask(files: Mapping[Path, str], asked: Mapping[str, Any], behind: Fence) -> tuple[Inspection, None] | tuple[None, Death]:
    named = [(str(path), name) for path, name in files.items()]
    said, death = behind.ask(json.dumps({"files": named, **asked}))
    if said is None:
        return None, death or "crashed"
    row = json.loads(said)
    if "bug" in row:
        raise WorkerBugError(row["bug"])
    views, speakers = (FileView(**view) for view in row["files"]), (SpeakerView(**view) for view in row["speakers"])
    row |= {"files": tuple(views), "speakers": tuple(speakers), "columns": {name: tuple(found) for name, found in row["columns"].items()}}
    return Inspection(**row | {name: tuple(row[name]) for name in ("problems", "warnings")}), None


def answer(question: str) -> str:
    """What is done behind the fence."""
    try:
        asked = json.loads(question)
        mapping = InputMapping.model_validate_json(json.dumps(asked["mapping"]))
        files = {Path(path): name for path, name in asked["files"]}
        return json.dumps(asdict(inspect_inputs(files, mapping, unknown_max_share=asked["unknown_max_share"])))
    except MemoryError:
        raise  # the fence tells it
    except Exception as error:  # noqa: BLE001  # the border of a process whose stderr is dropped: only where it happened goes back
        return json.dumps({"bug": bug(error)})


if __name__ == "__main__":
    serve(answer)

"""What makes a run this run? Its fingerprint, and run.json, which says what belongs to it."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from scorer.durable import digest, file_hash, write_text
from scorer.errors import RunError
from scorer.lock import LOCK_FILE
from scorer.places import refuse_uri

RUN_FILE = "run.json"
RUN_VERSION = 2
REPORT = "report.html"  # lies beside it
STAGING = ".staging"  # of the run that is at work; swept by the next one
FETCHED = ".inputs"  # what was fetched from a store, while a run lasts
LEASE = ".lease."  # how the names begin that say in a store which job works there; see tables/lease.py
KEPT = ".shards"  # finished shards of a run that is not finished; a resumed run goes on from them
UNFINISHED = frozenset({STAGING, FETCHED, KEPT, LOCK_FILE, f".{RUN_FILE}"})  # what a run that was killed leaves
TABLE_FOLDERS = frozenset({"segments", "flags", "rejects", "calls"})


@dataclass(frozen=True, slots=True)
class TableFile:
    """One file of a table, as it was when it was verified."""

    rows: int
    size: int  # bytes
    sha256: str

    def is_at(self, path: Path) -> bool:
        """Whether exactly these bytes are at `path`."""
        return path.is_file() and path.stat().st_size == self.size and file_hash(path) == self.sha256


@dataclass(frozen=True, slots=True)
class Shard:
    """One finished part of a run; its files are `<table>/<id>.parquet`."""

    id: str
    tables: Mapping[str, TableFile]
    told: str  # the counts as JSON: the driver holds all receipts of a night, and text is a third of what objects are

    @property
    def counts(self) -> dict[str, Any]:
        """See totals.py."""
        counts: dict[str, Any] = json.loads(self.told)
        return counts


def fingerprint(parts: Mapping[str, Any]) -> str:
    """sha256 over everything that can change a result: inputs, model, rubric, settings, version."""
    return digest([json.dumps(parts, sort_keys=True, default=str)])


def read_run(folder: Path) -> dict[str, Any]:
    """The run.json of a finished run.

    Raises RunError where there is none (not a run, or one that did not finish) or it is of another version.
    """
    refuse_uri(folder)
    path = folder / RUN_FILE
    try:
        return parse_run(path, path.read_bytes())
    except FileNotFoundError as error:
        raise RunError(f"{folder}: no {RUN_FILE}: not a run, or one that did not finish; name a folder that scorer score wrote") from error
    except OSError as error:
        raise RunError(f"{path}: cannot be read ({type(error).__name__}): restore it or score again into a new folder") from error


def parse_run(path: Path | str, written: bytes) -> dict[str, Any]:
    """The run.json that `write_run` wrote. Raises RunError where it is none, or of another version."""
    try:
        run: dict[str, Any] = json.loads(written)
    except ValueError as error:
        raise RunError(f"{path}: cannot be read ({type(error).__name__}): restore it or score again into a new folder") from error
    if not isinstance(run, dict) or run.get("run_version") != RUN_VERSION:
        found = run.get("run_version") if isinstance(run, dict) else "none"
        raise RunError(f"{path}: version {found}, this program reads {RUN_VERSION}: use the version that wrote it, or score again")
    return run


def write_run(folder: Path, run: Mapping[str, Any], shards: Iterable[Shard]) -> dict[str, Any]:
    """Write run.json last: a folder that has one is a finished run, and only the files it names belong to it.

    Returns what it holds, without the shards.
    """
    head = {"run_version": RUN_VERSION, **run}
    write_text(folder / RUN_FILE, _lines(head, shards), step="manifest")
    return head


def _lines(head: Mapping[str, Any], shards: Iterable[Shard]) -> Iterator[str]:
    """JSON with a shard a line: there may be a million, and they never are one text."""
    yield json.dumps(head, indent=2, default=str).removesuffix("\n}") + ',\n  "shards": ['
    for number, shard in enumerate(shards):
        yield ("," if number else "") + "\n    " + shard_text(shard)
    yield "\n  ]\n}\n"


def shards_of(run: Mapping[str, Any]) -> list[Shard]:
    """The shards that a run.json names, in its order."""
    return [parse_shard(row) for row in run["shards"]]


def shard_text(shard: Shard) -> str:
    """A shard as JSON."""
    return json.dumps({"id": shard.id, "tables": {name: asdict(file) for name, file in shard.tables.items()}, "counts": shard.counts})


def parse_shard(row: Mapping[str, Any]) -> Shard:
    """A shard of the JSON of `shard_text`. Raises KeyError or TypeError where it is none."""
    return Shard(row["id"], {name: TableFile(**file) for name, file in row["tables"].items()}, json.dumps(row["counts"]))


def claim(folder: Path, wanted: str, *, replace: bool = False, parts: Mapping[str, Any] | None = None) -> dict[str, Any] | None:
    """The run.json that `folder` holds, None where it is free to be written.

    Raises RunError where it holds anything else than the wanted run, unless `replace`; touches nothing. Where the `parts` of the wanted
    one are given (inputs, settings, model, rubric, version), it says which of them are others.
    """
    if not folder.exists():
        return None
    if (folder / RUN_FILE).exists():
        run = read_run(folder)
        if run.get("fingerprint") != wanted and not replace:
            raise RunError(
                f"{folder}: holds run {run.get('run_id')}, which had other {_others(run, parts or {})}: "
                "choose another --out, or delete the folder"
            )
        return run
    check_free(folder, (path.name for path in folder.iterdir()))
    return None


def _others(run: Mapping[str, Any], parts: Mapping[str, Any]) -> str:
    there = {
        "inputs": [f"{file['path']} {file['sha256']}" for file in run.get("inputs", ())],
        "settings": run.get("settings"),
        "model": run["model"]["sha256"],
        "rubric": run["rubric"]["sha256"],
        "version": run["scorer_version"],
    }
    return " and ".join(name for name, part in parts.items() if part != there[name]) or "inputs, settings, model, rubric or version"


def check_free(place: Path | str, names: Iterable[str]) -> None:
    """Raise RunError where a place without run.json holds anything but what a run leaves that was killed."""
    found = {name for name in names if not name.startswith(LEASE)}
    ours = UNFINISHED | (TABLE_FOLDERS if KEPT in found else frozenset())
    if foreign := sorted(found - ours):
        raise RunError(f"{place}: holds {', '.join(foreign[:5])} and no {RUN_FILE}: choose an empty or a new folder for --out")

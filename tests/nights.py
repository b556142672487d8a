"""Nights in several files for tests of unattended runs, and what must hold of their output at any moment."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

ROOT = Path(__file__).parents[1]
SEEDS = ("agent word", "customer broken", "agent sorry", "customer cancel", "agent stay", "agent fix", "customer word")
TABLES = ("segments", "flags", "rejects", "calls")


def write_night(folder: Path, *, files: int = 3, calls: int = 4, spread: int = 1) -> Path:
    """Files of a few calls each, and calls whose segments are spread over all files."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(files):
        rows = [row for call in range(calls) for row in call_rows(f"{number}-{call}", turns=5 + call)]
        rows += [row for call in range(spread) for row in call_rows(f"spread-{call}", turns=6, part=(number, files))]
        pq.write_table(pa.Table.from_pylist(rows), folder / f"part-{number}.parquet", write_page_checksum=True)
    return folder


def call_rows(call_id: str, *, turns: int, part: tuple[int, int] = (0, 1)) -> list[dict[str, Any]]:
    """The segments of a call, or every so-manieth of them."""
    rows = []
    for at in range(part[0], turns, part[1]):
        speaker, text = SEEDS[(at + len(call_id)) % len(SEEDS)].split()
        rows.append({"call_id": call_id, "segment_index": at, "speaker": speaker, "text": text, "start": at * 2.0, "end": at * 2.0 + 1.5})
    return rows


def arguments(night: object, out: object, model: Path, config: Path, *more: object) -> list[object]:
    """The command line that scores a night."""
    named = {"--out": out, "--config": config, "--rubric": ROOT / "configs/rubric.yaml", "--model": model}
    return ["score", night, *(part for pair in named.items() for part in pair), *more]


def small_shards(folder: Path, text: str = "", *, rows: int = 12) -> Path:
    """A config under which a night of a few calls has several shards."""
    path = folder / "shards.yaml"
    path.write_text(f"model: {{shard_rows: {rows}}}\n{text}")
    return path


def published(out: Path) -> dict[str, str]:
    """Every byte of a finished run but the time it took: path -> hash."""
    found = {str(path.relative_to(out)): hashlib.sha256(path.read_bytes()).hexdigest() for path in out.rglob("*.parquet")}
    run = json.loads((out / "run.json").read_text())
    return found | {"run.json": json.dumps(run | {"seconds": 0}, sort_keys=True)}


def leftovers(out: Path) -> list[str]:
    """What a finished run must not leave."""
    return sorted(path.name for path in out.iterdir() if path.name not in {*TABLES, "run.json", "report.html"})


def broken(out: Path) -> list[str]:
    """Visible files that are not whole, now: none may ever be."""
    found = []
    for path in [path for name in TABLES for path in (out / name).glob("*.parquet")]:
        try:
            pq.read_table(path, page_checksum_verification=True).validate(full=True)
        except FileNotFoundError:
            continue  # superseded in between
        except (OSError, pa.ArrowException):
            found.append(str(path))
    if (out / "run.json").exists():
        run = json.loads((out / "run.json").read_text())
        named = [(out / name / f"{shard['id']}.parquet", file) for shard in run["shards"] for name, file in shard["tables"].items()]
        found += [str(path) for path, file in named if not path.exists() or path.stat().st_size != file["size"]]
    return found

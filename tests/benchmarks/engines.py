"""What do N processes and Ray gain over one, and what does a night of a million shards cost the driver? Run by hand:

    python tests/benchmarks/engines.py [ENGINES] [PLAN]

Options: calls to be scored by each engine (0: none), receipts of the simulated night. Prints seconds, the rate after the first shard as a
ratio to one worker on one core, whether the bytes are the same, and memory, seconds and the size of run.json of the driver.
"""

import json
import os
import pickle
import resource
import sys
import tempfile
import time
from dataclasses import replace
from functools import reduce
from operator import add
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import pyarrow.parquet as pq
from nights import ROOT, published

from scorer.engines.choose import choose
from scorer.manifest import Shard, TableFile, write_run
from scorer.pipeline import score_night
from scorer.tables.schemas import TABLES
from scorer.totals import SHOWN_FLAGGED, Totals, totals_of

CALLS_A_SHARD = 250  # at shards of 10,000 rows
SHARD_ROWS = 1000  # in the comparison: more than five seconds a shard, on a core that reads 150 rows a second
WORKERS = 2
CORES = sorted(os.sched_getaffinity(0))


def main(calls: int = 600, receipts: int = 1_000_000) -> None:
    """Run, compare, print."""
    if calls:
        compare(calls)
    if receipts:
        simulate(receipts)


def compare(calls: int) -> None:
    """The same night, with the shipped model, on each engine; start-up counts."""
    with tempfile.TemporaryDirectory() as folder:
        night = many_calls(Path(folder) / "night.parquet", calls)
        config = Path(folder) / "config.yaml"
        config.write_text(f"model: {{shard_rows: {SHARD_ROWS}}}\n")
        wanted = {
            "one process, one core": (1, None),
            "Ray, 1 actor, one core": (1, choose("ray", address=None, workers=1)),
            f"one process, {WORKERS} cores": (WORKERS, None),
            f"{WORKERS} processes": (WORKERS, choose("local", address=None, workers=WORKERS)),
            f"Ray, {WORKERS} actors": (WORKERS, choose("ray", address=None, workers=WORKERS)),
        }
        one, clean = 0.0, {}
        for name, (cores, engine) in wanted.items():
            os.sched_setaffinity(0, CORES[:cores])  # what is started from here has it, too
            out = Path(folder) / name.replace(" ", "-")
            began, first = time.monotonic(), []
            score_night(
                [str(night)],
                out=out,
                config=config,
                rubric=ROOT / "configs/rubric.yaml",
                model=ROOT / "models/default",
                progress=lambda rows, total, first=first: first.append((time.monotonic(), rows)),
                engine=engine,
            )
            seconds = time.monotonic() - began
            (since, before), (until, rows) = first[0], first[-1]
            rate = (rows - before) / max(until - since, 1e-9)
            one, clean = one or rate, clean or published(out)
            same = "the same bytes" if published(out) == clean else "OTHER BYTES"
            print(f"{name:22} {seconds:6.1f} s; {rate:5.0f} rows/s after the first shard, {rate / one:.2f} x; {same}", flush=True)


def many_calls(path: Path, count: int) -> Path:
    """The sample night, again and again under other names."""
    sample = pq.read_table(ROOT / "tests/sample_night/calls.parquet").to_pylist()
    ids = sorted({row["call_id"] for row in sample})
    rows, at = [], 0
    while at < count:
        part = set(ids[: count - at])
        rows += [row | {"call_id": f"{row['call_id']}-{at}"} for row in sample if row["call_id"] in part]
        at += len(part)
    pq.write_table(pq.read_table(ROOT / "tests/sample_night/calls.parquet").from_pylist(rows), path)
    return path


def simulate(count: int) -> None:
    """What the driver does with that many receipts: keep, sort, add up, write run.json."""
    before, began = memory_mb(), time.monotonic()
    totals = Totals()
    totals.calls, totals.rows_scored, totals.segments = CALLS_A_SHARD, 10_000, 10_000
    totals.worst = [(f"call-{number}", 40.125, "poor", ["low_score", "pressed_to_stay"]) for number in range(SHOWN_FLAGGED)]
    files = {name: TableFile(10_000, 1_000_000, "0" * 64) for name in TABLES}
    model = Shard("", files, json.dumps(totals.counts()))
    shards = sorted((receipt(model, number) for number in range(count)), key=lambda shard: shard.id)
    kept, seconds = memory_mb() - before, time.monotonic() - began
    reduce(add, (totals_of(shard.counts) for shard in shards), Totals())
    added = time.monotonic() - began
    with tempfile.TemporaryDirectory() as folder:
        write_run(Path(folder), {}, shards)
        size = (Path(folder) / "run.json").stat().st_size / 1e6
    print(f"{count} receipts, {count * CALLS_A_SHARD / 1e6:.0f} million calls: {kept:.0f} MB in {seconds:.1f} s")
    print(f"added up after {added:.1f} s")
    print(f"run.json {size:.0f} MB, written after {time.monotonic() - began:.1f} s, {memory_mb() - before:.0f} MB at most")


def receipt(model: Shard, number: int) -> Shard:
    """Nothing in it is shared with another: it comes over a pipe."""
    files = {name: TableFile(file.rows, file.size, f"{number:064x}") for name, file in model.tables.items()}
    sent = pickle.dumps(replace(model, id=f"{number * 2654435761 % (1 << 256):064x}", tables=files))
    received: Shard = pickle.loads(sent)
    return received


def memory_mb() -> float:
    """The most that this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    print(f"{len(os.sched_getaffinity(0))} CPUs, load {os.getloadavg()[0]:.1f}")
    main(*(int(text) for text in sys.argv[1:]))

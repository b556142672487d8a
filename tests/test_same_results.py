"""Does the shipped model give the same results whatever the batches, the threads and the shards?"""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest
from nights import TABLES, arguments

ROOT = Path(__file__).parents[1]
PLAIN = (4096, 1)  # tokens of a batch, threads
OTHERS = [(tokens, threads) for tokens in (512, 4096, 16384) for threads in (1, 2) if (tokens, threads) != PLAIN]
TRIED = OTHERS if "SCORER_SOAK" in os.environ else [(512, 2)]
LAST_DIGITS = 5e-4  # sums are made in another order; a score of 0 to 100 may show it in its last decimal


@pytest.mark.slow
def test_results_do_not_depend_on_batches_threads_and_shards(tmp_path: Path) -> None:
    plain = tables(tmp_path, *PLAIN)

    assert len(plain["calls"]) == 24 and len(plain["segments"]) == 748
    for tokens, threads in TRIED:
        assert alike(tables(tmp_path, tokens, threads), plain), (tokens, threads)


def tables(folder: Path, tokens: int, threads: int) -> dict[str, list[Any]]:
    """The rows of every table of a run in a process of its own."""
    config, out = folder / f"{tokens}-{threads}.yaml", folder / f"{tokens}-{threads}"
    config.write_text(f"model: {{batch_tokens: {tokens}, shard_rows: {tokens // 4}}}\n")
    scorer = [sys.executable, "-c", "from scorer.cli import main; main()"]
    command = [*scorer, *map(str, arguments(ROOT / "tests/sample_night", out, ROOT / "models/default", config))]
    environment = os.environ | {"OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    # the settings are part of the run_id
    keys = {"segments": "call_id, segment_index", "flags": "call_id, rule", "calls": "call_id", "rejects": "source, call_id"}
    query = "select * exclude (run_id) from '{}/{}/*.parquet' order by {}"
    return {name: duckdb.sql(query.format(out, name, keys[name])).fetchall() for name in TABLES}


def alike(one: Any, two: Any) -> bool:
    """Whether two values differ in nothing but the last digits of numbers that are not whole."""
    if isinstance(one, dict) and isinstance(two, dict):
        return one.keys() == two.keys() and all(alike(one[key], two[key]) for key in one)
    if isinstance(one, (list, tuple)) and isinstance(two, (list, tuple)):
        return len(one) == len(two) and all(map(alike, one, two))
    if isinstance(one, float) and isinstance(two, float):
        return abs(one - two) <= LAST_DIGITS
    return bool(one == two)

"""What do start-up and safety cost a night? Run by hand: python tests/benchmarks/overhead.py

Option: how many times the sample night is taken. Prints CPU seconds of start-up, then seconds and shares of a run with the shipped
model. The aims: under 3 % for all that keeps a night safe, and not above two seconds to start beside what torch and transformers take.
"""

import json
import pkgutil
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import pyarrow as pa
import pyarrow.parquet as pq
from nights import ROOT, TABLES
from results import keep

from scorer.pipeline import score_night
from scorer.tables import intake
from scorer.tables.files import open_parquet, read_batches

TRIES = 3
STARTS = {
    "python": "pass",
    "scorer --help": "import sys; from scorer.cli import main; sys.argv = ['scorer', '--help']; main()",
    "torch, transformers": "import torch, transformers.modeling_utils",
    "scorer score": "import scorer.cli, scorer.pipeline",
}
TIMED = {  # by what they are done for
    "fence": ["scorer.tables.fence.Fence.ask", "scorer.tables.fence.Fence.__enter__", "scorer.tables.fence.Fence.__exit__"],
    "digests": [
        "hashlib.file_digest",
        "scorer.tables.reader.digest",
        "scorer.manifest.digest",
        "scorer.job.digest",
        "scorer.job.model_hash",
    ],
    "fsync": ["os.fsync"],
    "verification": ["scorer.tables.folder._check_calls"],
    "names": ["os.replace"],
}


def main(copies: int = 10) -> None:
    """Start, score, print."""
    starts = {name: min(seconds(code) for _ in range(TRIES)) for name, code in STARTS.items()}
    starts["scorer beside torch and transformers"] = starts["scorer score"] - starts["torch, transformers"]
    keep("start-up", [{"of": name, "CPU s": took} for name, took in starts.items()])
    with tempfile.TemporaryDirectory() as folder:
        whole, spent = night(Path(folder), copies)
    parts = {f"a night of {24 * copies} calls": whole, **spent, "all that is for safety": sum(spent.values())}
    keep("safety", [{"of": name, "s": took, "share": took / whole} for name, took in parts.items()])


def seconds(code: str) -> float:
    """What a new process takes of the CPU, which is all it waits for once its files have been read before."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def night(folder: Path, copies: int) -> tuple[float, dict[str, float]]:
    """Seconds of a run, and of these by what they were spent on."""
    sample = pq.read_table(ROOT / "tests/sample_night")
    at = sample.column_names.index("call_id")
    for copy in range(copies):
        ids = pa.array([f"{copy}-{call_id}" for call_id in sample["call_id"].to_pylist()])
        pq.write_table(sample.set_column(at, "call_id", ids), folder / f"{copy}.parquet")
    spent: Counter[str] = Counter()
    questions: list[str] = []
    with ExitStack() as stack:
        for kind, names in TIMED.items():
            for name in names:
                stack.enter_context(timed(name, kind, spent, questions))
        began = time.perf_counter()
        score_night(
            [str(folder)],
            out=folder / "out",
            config=ROOT / "configs/scoring.yaml",
            rubric=ROOT / "configs/rubric.yaml",
            model=ROOT / "models/default",
            progress=lambda done, total: None,
        )
        whole = time.perf_counter() - began
    spent["verification"] += read_back(folder / "out")
    spent["fence"] = max(0.0, spent["fence"] - read_without_fence(questions, folder))
    return whole, dict(spent)


@contextmanager
def timed(name: str, kind: str, spent: Counter[str], questions: list[str]) -> Iterator[None]:
    """Count the seconds in a function of this name, and keep what the fence is asked."""
    owner, _, last = name.rpartition(".")
    place = pkgutil.resolve_name(owner)
    real = getattr(place, last)

    def counted(*arguments: Any, **named: Any) -> Any:
        if last == "ask":
            questions.append(arguments[1])
        began = time.perf_counter()
        try:
            return real(*arguments, **named)
        finally:
            spent[kind] += time.perf_counter() - began

    setattr(place, last, counted)
    try:
        yield
    finally:
        setattr(place, last, real)


def read_without_fence(questions: list[str], folder: Path) -> float:
    """Seconds that the files take to read in this process: not what a fence costs, but what reading costs."""
    began = time.perf_counter()
    for question in questions:
        intake._answer(json.dumps(json.loads(question) | {"target": str(folder / "rows.arrow")}))
    return time.perf_counter() - began


def read_back(out: Path) -> float:
    """Seconds to read every table of a run, as is done with each after it is written."""
    began = time.perf_counter()
    for path in [path for name in TABLES for path in (out / name).glob("*.parquet")]:
        with open_parquet(path) as file:
            assert sum(batch.num_rows for batch in read_batches(file)) >= 0
    return time.perf_counter() - began


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

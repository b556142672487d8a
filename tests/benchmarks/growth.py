"""How do time and memory grow with the night? `make bench`, or by hand:

    python tests/benchmarks/growth.py [MODEL] [CALLS...]      (keywords 1000 10000 100000; half an hour)

The tests' keyword model, `keywords`, costs next to nothing: what is measured then is everything else. With models/default 1000 calls take
minutes, 100,000 hours. Every night is scored in a process of its own. Times count from the start of that process; memory is what its peak
is above that of torch and transformers, just imported.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from keyword_model import build
from results import Row, keep
from scoring import night, write_night

PART = 2000  # calls per file
SCORE = """
import time
began = time.perf_counter()
import json, re, sys
import torch, transformers
peak = lambda: int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) / 1024  # ru_maxrss begins with the parent's
plain = peak()
from pathlib import Path
from scorer.pipeline import score_night
up, first = time.perf_counter() - began, []
run = score_night([sys.argv[1]], out=Path(sys.argv[2]), config=Path("configs/scoring.yaml"), rubric=Path("configs/rubric.yaml"),
                  model=Path(sys.argv[3]), progress=lambda *_: first or first.append(time.perf_counter() - began)).run["counts"]
whole = time.perf_counter() - began
print(json.dumps({"calls": run["calls"], "start-up s": up, "first call s": first[0], "all s": whole, "calls/s": run["calls"] / (whole - up),
                  "segments/s": run["segments"] / (whole - up), "peak MB above torch": peak() - plain}))
"""


def main(model: str = "keywords", *counts: int) -> None:
    """A row per night."""
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as place:
        folder = build(Path(place) / "keywords") if model == "keywords" else Path(model).absolute()
        for count in counts or (1000, 10_000, 100_000):
            rows.append(scored(Path(place) / str(count), folder, count))
            keep(f"growth, {model}", rows)


def scored(folder: Path, model: Path, count: int) -> Row:
    """The numbers of a night of so many calls."""
    folder.mkdir()
    for start in range(0, count, PART):
        write_night(night(min(PART, count - start), start), folder / f"part-{start:07}.parquet")
    command = [sys.executable, "-c", SCORE, str(folder), str(folder.with_suffix(".out")), str(model)]
    told = subprocess.run(command, check=True, capture_output=True, text=True, cwd=Path(__file__).parents[2]).stdout
    return dict(json.loads(told.splitlines()[-1]))


if __name__ == "__main__":
    main(*sys.argv[1:2], *(int(argument) for argument in sys.argv[2:]))

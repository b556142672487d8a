"""How do time and memory grow with the night? python tests/benchmarks/growth.py [CALLS...]   (10000 100000; a quarter of an hour)

With the tests' keyword model, whose network costs next to nothing: what is measured is everything else. Every night is scored in a
process of its own; memory is what its peak is above that of torch and transformers, just imported.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from keyword_model import build
from scoring import night, write_night

PART = 2000  # calls per file
SCORE = """
import re, sys, time
import torch, transformers
peak = lambda: int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) / 1024  # ru_maxrss begins with the parent's
plain, began = peak(), time.perf_counter()
from pathlib import Path
from scorer.pipeline import score_night
first = []
score_night([sys.argv[1]], out=Path(sys.argv[2]), config=Path("configs/scoring.yaml"), rubric=Path("configs/rubric.yaml"),
            model=Path(sys.argv[3]), progress=lambda *_: first or first.append(time.perf_counter() - began))
print(f"{time.perf_counter() - began:.0f} s, first call after {first[0]:.0f} s, {peak() - plain:.0f} MB above torch")
"""


def main(*counts: int) -> None:
    """A line per night."""
    with tempfile.TemporaryDirectory() as place:
        model = build(Path(place) / "keywords")
        for count in counts or (10_000, 100_000):
            folder = Path(place) / str(count)
            folder.mkdir()
            for start in range(0, count, PART):
                write_night(night(min(PART, count - start), start), folder / f"part-{start:07}.parquet")
            command = [sys.executable, "-c", SCORE, str(folder), str(folder / "out"), str(model)]
            told = subprocess.run(command, check=True, capture_output=True, text=True, cwd=Path(__file__).parents[2]).stdout
            print(f"{count} calls: {told.splitlines()[-1]}", flush=True)


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))

"""How long does `scorer rescore` take? python tests/benchmarks/rescore.py [CALLS]   (100000)"""

import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from stored import write_stored

from scorer.rescore import rescore_run

RUBRIC = Path(__file__).parents[2] / "configs" / "rubric.yaml"


def main(count: int = 100_000) -> None:
    """Make a run, score it again with another rubric, say how long that took."""
    with tempfile.TemporaryDirectory() as place:
        run, rubric = write_stored(Path(place) / "run", count), Path(place) / "rubric.yaml"
        rubric.write_text(RUBRIC.read_text(encoding="utf-8").replace("version: 1", "version: 2").replace("limit: 0.2", "limit: 0.3"))
        began = time.perf_counter()
        _, changes, _ = rescore_run(run, rubric=rubric, out=Path(place) / "again", progress=lambda done, of: None)
        print(f"{count} stored calls scored again in {time.perf_counter() - began:.1f} s, {len(changes)} changed band")


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))

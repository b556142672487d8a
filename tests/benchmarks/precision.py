"""What does `model.precision: bfloat16` change on the dev calls, and what does it gain on this machine?

    python tests/benchmarks/precision.py [MODEL] [ROUNDS]

Options: model folder (models/default), rounds (3). Both precisions take turns; the median of the rounds counts, of the model's part
alone: no file is read or written. A decision is one label on one segment that can carry it.
"""

import statistics
import sys
import time
from pathlib import Path

import torch

from scorer.classify.load import load_model
from scorer.classify.predict import predict
from scorer.classify.reading import Precision, told_place
from scorer.labels import names
from scorer.training.corpus import read_corpus

ROOT = Path(__file__).parents[2]
NEAR = 0.05  # a probability that is so near to its threshold


def main() -> None:
    """Print one line per precision and two on what differs."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "models/default"
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    model = load_model(folder)
    calls = [labelled.call for labelled in read_corpus([ROOT / "models/data/dev.jsonl"], names(model.labels))]
    maker = model.maker(512, 96)
    precisions: tuple[Precision, ...] = ("float32", "bfloat16")
    seconds: dict[str, list[float]] = {precision: [] for precision in precisions}
    said: dict[str, torch.Tensor] = {}
    for _ in range(rounds):
        for precision in precisions:
            began = time.perf_counter()
            judged = list(predict(calls, model, maker, batch_tokens=4096, precision=precision))
            seconds[precision].append(time.perf_counter() - began)
            rows = [[p.probabilities.get(x.name, float("nan")) for x in model.labels] for call in judged for p in call.predictions]
            said[precision] = torch.tensor(rows, dtype=torch.float64)
    thresholds = torch.tensor([decision.threshold for decision in model.decisions], dtype=torch.float64)
    full, short = (said[precision] for precision in precisions)
    there = ~full.isnan()
    same = ((full >= thresholds) == (short >= thresholds))[there].double().mean().item()
    near = there & ((full - thresholds).abs() < NEAR)
    print(f"{folder.name}, {len(calls)} dev calls, {told_place()}, median of {rounds} rounds")
    for precision in precisions:
        print(f"{precision}: {statistics.median(seconds[precision]):.1f} s")
    print(f"ratio {statistics.median(seconds['float32']) / statistics.median(seconds['bfloat16']):.2f}")
    print(f"the same: {same:.2%} of {int(there.sum())} decisions")
    print(f"differ by at most {(full - short)[near].abs().max().item():.4f} within {NEAR} of a threshold ({int(near.sum())} of them)")


if __name__ == "__main__":
    main()

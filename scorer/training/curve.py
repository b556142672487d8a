"""What would more labelled calls buy? F1 on the dev calls of models trained on growing shares of the training calls."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from scorer.labels import Label, names, read_labels
from scorer.training.calibrate import check_held_out, fit_decisions
from scorer.training.charts import curve_chart
from scorer.training.corpus import LabelledCall, read_corpus
from scorer.training.judge import judge_labelled
from scorer.training.metrics import draw_calls, f1_samples
from scorer.training.settings import TrainingConfig
from scorer.training.slices import f1_of
from scorer.training.split import Split, split
from scorer.training.train import fit
from scorer.training.trainer import Progress, part_of


def draw_curve(config: TrainingConfig, *, out: Path, progress: Progress) -> list[dict[str, Any]]:
    """Train on each share of `curve_shares`, write learning-curve.json and .svg into `out`; returns the points.

    Every point has the same number of steps, so that it shows what other calls would add and not what longer training would.
    """
    labels = read_labels(config.labels)
    calls = split(read_corpus(config.train_files, names(labels)), labels, config.held_out_share, config.seed)
    check_held_out(calls.held_out, labels)
    dev = read_corpus(config.dev, names(labels))
    parts = len(config.curve_shares)
    points = [
        _point(config, calls, dev, labels, share=share, work=out / f"{share}.work", progress=part_of(progress, at, parts))
        for at, share in enumerate(config.curve_shares)
    ]
    out.mkdir(parents=True, exist_ok=True)
    (out / "learning-curve.json").write_text(json.dumps(points, indent=2) + "\n", encoding="utf-8")
    (out / "learning-curve.svg").write_text(curve_chart(points, *titles(config, len(dev))), encoding="utf-8")
    return points


def titles(config: TrainingConfig, dev: int) -> tuple[str, list[str]]:
    """What the picture shows, and on which calls and of what model it was measured."""
    layers = "all layers" if config.layers is None else f"{config.layers} layers"
    return "What more labelled calls would buy: F1 by label", [
        f"measured on {dev} dev calls ({', '.join(path.name for path in config.dev)})",
        f"model: {layers} of {Path(config.base_model).name}, trained at every point",
        f"for as many steps as {config.epochs} epochs of all calls take",
        f"bars: {100 * config.confidence:.0f} % intervals over calls",
    ]


def _point(
    config: TrainingConfig,
    calls: Split,
    dev: Sequence[LabelledCall],
    labels: Sequence[Label],
    *,
    share: float,
    work: Path,
    progress: Progress,
) -> dict[str, Any]:
    kept = calls.train[: round(share * len(calls.train))]  # they lie in random order
    longer = config.model_copy(update={"epochs": max(1, round(config.epochs / share))})
    model = fit(longer, kept, labels, work=work, progress=progress).as_model()
    decisions = fit_decisions(judge_labelled(calls.held_out, model, config))
    shutil.rmtree(work)
    judged = judge_labelled(dev, model, config)
    draws = draw_calls(len(dev), rounds=config.bootstrap_rounds, confidence=config.confidence, seed=config.seed)
    intervals = {name: draws.interval(f1_samples(one.given(decisions[name]), one.truth, one.calls, draws)) for name, one in judged.items()}
    return {"calls": len(kept), "f1": f1_of(judged, decisions), "intervals": intervals}

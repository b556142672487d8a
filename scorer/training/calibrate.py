"""Which temperature, bias and threshold does each label get? Fitted on held-out training calls only."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import minimize, minimize_scalar
from scipy.special import expit, logit

from scorer.classify.decide import Decision, write_decisions
from scorer.classify.load import load_model
from scorer.errors import ModelError
from scorer.labels import Label, names
from scorer.training.corpus import LabelledCall, read_corpus
from scorer.training.judge import Bools, Floats, Judged, judge_labelled, judged_places
from scorer.training.metrics import f1
from scorer.training.settings import TrainingConfig
from scorer.training.split import split_of
from scorer.training.versions import check_unreleased

FEW = 10  # held-out segments that carry a label, below which its threshold is mostly luck


def calibrate(config: TrainingConfig, folder: Path) -> dict[str, Any]:
    """Write thresholds.json into a trained folder; returns what was fitted, per label, and on how many segments that carry it."""
    check_unreleased(folder)
    model = load_model(folder, calibrated=False)
    held_out = split_of(folder, read_corpus(config.train_files, names(model.labels))).held_out
    check_held_out(held_out, model.labels)
    judged = judge_labelled(held_out, model, config)
    decisions = fit_decisions(judged)
    write_decisions(folder / "thresholds.json", model.labels, [decisions[label.name] for label in model.labels])
    return {name: asdict(d) | {"positives": int(judged[name].truth.sum())} for name, d in decisions.items()}


def check_held_out(calls: Sequence[LabelledCall], labels: Sequence[Label]) -> None:
    """Raise ModelError naming the labels that no person judged in these calls."""
    unknown = [label.name for label in labels if not any(judged_places(labelled, label) for labelled in calls)]
    if unknown:
        raise ModelError(
            f"no held-out call is judged for {', '.join(unknown)}, so nothing can set a threshold: label whole calls for it "
            "(about held_out_share of them will be held out) and train again"
        )


def fit_decisions(judged: Mapping[str, Judged]) -> dict[str, Decision]:
    """The decision of every label; each needs a judged segment (see `check_held_out`)."""
    return {name: fit_decision(one) for name, one in judged.items()}


def fit_decision(one: Judged) -> Decision:
    """Temperature, bias and threshold of one label, to four decimals.

    The threshold is looked for where the temperature alone puts the probabilities, and is then moved with them: found on those with a
    bias it was 0.005 of F1 worse on other calls (models/README.md, lab log).
    """
    steady = fit_temperature(one.logits, one.truth)
    border = steady * logit(fit_threshold(expit(one.logits / steady), one.truth))
    temperature, bias = fit_scale(one.logits, one.truth)
    return Decision(round(temperature, 4), round(bias, 4), round(float(expit(border / temperature + bias)), 4))


def fit_temperature(logits: Floats, truth: Bools) -> float:
    """The temperature (0.2 to 5) under which the labels are likeliest. Source: Guo et al. 2017, arXiv:1706.04599."""

    def loss(temperature: float) -> float:
        scaled = logits / temperature
        return float(np.mean(np.logaddexp(0, scaled) - scaled * truth))

    return float(minimize_scalar(loss, bounds=(0.2, 5.0), method="bounded").x)


def fit_scale(logits: Floats, truth: Bools) -> tuple[float, float]:
    """The temperature (0.2 to 5) and bias (-5 to 5) under which the labels are likeliest, each side counted with one more of the other.

    A temperature alone cannot mend probabilities that are too high on both sides of a half. Source: Platt 1999, Probabilistic outputs
    for support vector machines, with its smoothed targets.
    """
    yes, no = np.sum(truth), np.sum(~truth)
    target = np.where(truth, (yes + 1) / (yes + 2), 1 / (no + 2))

    def loss(scale: Floats) -> float:
        scaled = logits * scale[0] + scale[1]
        return float(np.mean(np.logaddexp(0, scaled) - scaled * target))

    found = minimize(loss, (1.0, 0.0), bounds=((0.2, 5.0), (-5.0, 5.0))).x
    return float(1 / found[0]), float(found[1])


def fit_threshold(probabilities: Floats, truth: Bools) -> float:
    """Half of the best F1 that any threshold from 0.05 to 0.95 has: that best is steady where the threshold that has it is mostly luck.

    Right for calibrated probabilities. Source: Lipton et al. 2014, arXiv:1402.1892.
    """
    grid = np.arange(0.05, 0.951, 0.01)
    return max(0.05, *(f1(probabilities >= threshold, truth) / 2 for threshold in grid))  # 0.05 where nothing is found

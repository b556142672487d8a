"""Which temperature and threshold does each label get? Fitted on held-out training calls only."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar
from scipy.special import expit

from scorer.classify.decide import Decision, may_carry_labels, write_decisions
from scorer.classify.model import SegmentModel, load_model
from scorer.classify.predict import call_logits
from scorer.labels import names
from scorer.training.corpus import LabelledCall, hold_out, read_corpus
from scorer.training.settings import TrainingConfig

Array = npt.NDArray[np.float64]
Judged = dict[str, tuple[Array, npt.NDArray[np.bool_]]]  # label -> (logits, truth) over the segments that can carry it
BATCH_TOKENS = 4096


def calibrate(config: TrainingConfig, folder: Path) -> dict[str, Any]:
    """Write thresholds.json into a trained folder; returns what was fitted, per label, with the calls it was fitted on."""
    model = load_model(folder, calibrated=False)
    _, held_out = hold_out(read_corpus(config.train, names(model.labels)), config.held_out_share, config.seed)
    judged = judge_labelled(held_out, model, config)
    decisions = []
    for label in model.labels:
        logits, truth = judged[label.name]
        temperature = fit_temperature(logits, truth)
        decisions.append(Decision(round(temperature, 4), round(half_of_best_f1(expit(logits / temperature), truth), 4)))
    write_decisions(folder / "thresholds.json", model.labels, decisions)
    return {x.name: {"temperature": d.temperature, "threshold": d.threshold} for x, d in zip(model.labels, decisions, strict=True)}


def judge_labelled(calls: Sequence[LabelledCall], model: SegmentModel, config: TrainingConfig) -> Judged:
    """Raw logits beside the truth, per label, over the segments of its party, in the order of the calls."""
    maker = model.maker(config.window_tokens, config.context_tokens)
    logits = call_logits([labelled.call for labelled in calls], model, maker, batch_tokens=BATCH_TOKENS)
    rows: dict[str, list[tuple[float, bool]]] = {label.name: [] for label in model.labels}
    for labelled, answer in zip(calls, logits, strict=True):
        rated = zip(labelled.call.segments, labelled.labels, answer.tolist(), strict=True)
        for at, (segment, given, row) in enumerate(rated):
            for label, logit in zip(model.labels, row, strict=True):
                if not labelled.is_judged(at, label.name):
                    continue
                if label.party == segment.speaker and may_carry_labels(segment.speaker, segment.text):
                    rows[label.name].append((logit, label.name in given))
    return {name: (np.array([z for z, _ in found]), np.array([t for _, t in found])) for name, found in rows.items()}


def fit_temperature(logits: Array, truth: npt.NDArray[np.bool_]) -> float:
    """The temperature (0.2 to 5) under which the labels are likeliest. Source: Guo et al. 2017, arXiv:1706.04599."""

    def loss(temperature: float) -> float:
        scaled = logits / temperature
        return float(np.mean(np.logaddexp(0, scaled) - scaled * truth))

    return float(minimize_scalar(loss, bounds=(0.2, 5.0), method="bounded").x)


def fit_threshold(probabilities: Array, truth: npt.NDArray[np.bool_]) -> float:
    """The middle of the thresholds (0.05 to 0.95) whose F1 is within 0.005 of the best: the peak itself is mostly luck."""
    grid = np.arange(0.05, 0.951, 0.01)
    scores = np.array([f1(probabilities >= threshold, truth) for threshold in grid])
    return float(np.median(grid[scores >= scores.max() - 0.005]))


def half_of_best_f1(probabilities: Array, truth: npt.NDArray[np.bool_]) -> float:
    """The threshold that is best for F1 where probabilities are calibrated: half of the best F1 that can be had.

    It rests on the height of the curve, not on the place of its noisy peak. Source: Lipton et al. 2014, arXiv:1402.1892.
    """
    grid = np.arange(0.05, 0.951, 0.01)
    return max(f1(probabilities >= threshold, truth) for threshold in grid) / 2 or 0.5


def f1(given: npt.NDArray[np.bool_], truth: npt.NDArray[np.bool_]) -> float:
    """Harmonic mean of precision and recall, 0 where nothing was found."""
    right = np.sum(given & truth)
    return float(2 * right / (np.sum(given) + np.sum(truth))) if right else 0.0

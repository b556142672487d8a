"""How good is a model on calls that it has not seen? Numbers as evaluation.json, and the model card made from them."""

import hashlib
import json
import platform
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from scipy.special import expit
from sklearn.metrics import average_precision_score

from scorer.classify.model import load_model, model_hash
from scorer.labels import Label, names
from scorer.training.baselines import lexicon_f1, rows_of, tfidf_f1
from scorer.training.calibrate import Array, judge_labelled
from scorer.training.card import write_card
from scorer.training.corpus import LabelledCall, corpus_hash, hold_out, read_corpus
from scorer.training.settings import TrainingConfig

BINS = 10


def evaluate(config: TrainingConfig, folder: Path) -> dict[str, Any]:
    """Measure a calibrated folder on the dev calls; writes evaluation.json and README.md (the card) into it."""
    model = load_model(folder)
    dev = read_corpus(config.dev, names(model.labels))
    train, held_out = hold_out(read_corpus(config.train, names(model.labels)), config.held_out_share, config.seed)
    judged = judge_labelled(dev, model, config)
    per_label = {}
    for label, decision in zip(model.labels, model.decisions, strict=True):
        logits, truth = judged[label.name]
        probabilities = expit(logits / decision.temperature)
        per_label[label.name] = label_numbers(probabilities, truth, decision.threshold) | baseline_numbers(
            label, train, held_out, dev, seed=config.seed
        )
    behaviours = [x.name for x in model.labels if x.name in ("interruption", "retention_pushiness", "ownership", "apology")]
    report = {
        "model_hash": model_hash(folder),
        "labels": per_label,
        "mean_f1_of_behaviours": mean_f1(per_label, behaviours, "f1"),
        "mean_lexicon_f1": mean_f1(per_label, behaviours, "lexicon_f1"),
        "mean_tfidf_f1": mean_f1(per_label, behaviours, "tfidf_f1"),
        "calls": {"train": len(train), "held_out": len(held_out), "dev": len(dev)},
        "data_sha256": {"train": corpus_hash(config.train), "dev": corpus_hash(config.dev)},
        "config": config.model_dump(mode="json"),
        "weights_sha256": hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest(),
        "machine": machine(),
    }
    (folder / "evaluation.json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    write_card(folder, report)
    return report


def label_numbers(probabilities: Array, truth: Any, threshold: float) -> dict[str, Any]:
    """Precision, recall, F1 at the threshold; average precision and expected calibration error without one."""
    given = probabilities >= threshold
    right, said, true = int(np.sum(given & truth)), int(np.sum(given)), int(np.sum(truth))
    return {
        "threshold": threshold,
        "precision": right / said if said else 0.0,
        "recall": right / true if true else 0.0,
        "f1": 2 * right / (said + true) if said + true else 0.0,
        "average_precision": float(average_precision_score(truth, probabilities)) if true else 0.0,
        "calibration_error": calibration_error(probabilities, truth),
        "segments": len(truth),
        "positives": true,
    }


def calibration_error(probabilities: Array, truth: Any) -> float:
    """Expected calibration error over ten equal bins, 0 to 1. Source: Guo et al. 2017, arXiv:1706.04599."""
    at = np.minimum((probabilities * BINS).astype(int), BINS - 1)
    gaps = [abs(np.mean(probabilities[at == b]) - np.mean(truth[at == b])) * np.sum(at == b) for b in range(BINS) if np.any(at == b)]
    return float(sum(gaps) / len(probabilities))


def baseline_numbers(
    label: Label, train: list[LabelledCall], held_out: list[LabelledCall], dev: list[LabelledCall], *, seed: int
) -> dict[str, float]:
    """F1 of the two baselines on the same dev calls."""
    learnt, tuned, tested = (rows_of(calls, label) for calls in (train, held_out, dev))
    lexicon, _ = lexicon_f1(learnt + tuned, tested)
    return {"lexicon_f1": lexicon, "tfidf_f1": tfidf_f1(learnt, tuned, tested, seed=seed)}


def mean_f1(per_label: dict[str, dict[str, Any]], behaviours: list[str], key: str) -> float:
    """Mean over the behaviours that the model knows."""
    return float(np.mean([per_label[name][key] for name in behaviours])) if behaviours else 0.0


def machine() -> dict[str, Any]:
    """What the numbers were made on; no host name."""
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else f"{torch.get_num_threads()} CPU cores ({platform.machine()})"
    return {"device": device, "python": platform.python_version(), "torch": torch.__version__, "transformers": transformers.__version__}

"""May this model go live? The rules that a candidate must pass, read from its evaluation."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from scorer.classify.model import model_hash
from scorer.errors import ModelError, ReleaseError, listing
from scorer.labels import names, read_labels
from scorer.training.corpus import corpus_hash
from scorer.training.settings import TrainingConfig


def check_gate(config: TrainingConfig, folder: Path, live: Path) -> dict[str, Any]:
    """The candidate's evaluation, where it may take the place of `live`. Raises ReleaseError naming every rule that failed."""
    report = read_evaluation(folder)
    if live.exists() and model_hash(folder) == model_hash(live):
        own = f"new: it is {live} itself: train another one first; to measure the one in use, run make measure"
        raise ReleaseError(listing(f"{folder} is not released:", [own]))
    failed = list(failed_rules(report, config)) + list(lost_labels(folder, live)) + list(stale(report, config, folder, live))
    if failed:
        raise ReleaseError(listing(f"{folder} is not released:", failed))
    return report


def read_evaluation(folder: Path) -> dict[str, Any]:
    """What `make evaluate` wrote. Raises ModelError where there is none."""
    path = folder / "evaluation.json"
    try:
        report: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(
            f"{path}: no readable evaluation ({type(error).__name__}): run make evaluate, or make train where there is no model yet"
        ) from error
    return report


def failed_rules(report: dict[str, Any], config: TrainingConfig) -> Iterator[str]:
    """A line for each rule that the report breaks."""
    for name, row in (report["released"] or {"labels": {}})["labels"].items():
        if row["verdict"] == "worse":
            low, high = row["interval"]
            yield (
                f"not_worse: {name} has F1 {row['f1']:.3f}, the released model {row['released_f1']:.3f}; "
                f"the difference lies between {low:+.3f} and {high:+.3f}: label more calls of its kind and train again"
            )
    for name, row in report["labels"].items():
        if not row["calibration_error"] <= config.most_calibration_error:  # NaN is no pass
            yield (
                f"calibrated: {name} has a calibration error of {row['calibration_error']:.3f}, "
                f"most_calibration_error allows {config.most_calibration_error}: hold out more calls and calibrate again"
            )
    yield from _no_better_than_words(report)
    if report["shared_calls"]:
        shown = ", ".join(report["shared_calls"][:10])
        yield f"unseen: {len(report['shared_calls'])} dev call(s) were seen in training ({shown}): take them out of one of the two"


def _no_better_than_words(report: dict[str, Any]) -> Iterator[str]:
    """A line for each label that keywords find better or that is never found, and where TF-IDF is better on average.

    A label that no dev segment carries cannot be measured, and is let through.
    """
    for name, row in report["labels"].items():
        if row["positives"] and (row["f1"] < row["lexicon_f1"] or not row["f1"]):
            yield (
                f"beats_baselines: {name} has F1 {row['f1']:.3f}, a list of keywords {row['lexicon_f1']:.3f}: "
                "train for longer, or label more calls that carry it"
            )
    ours, theirs = report["mean_f1_of_behaviours"], report["mean_tfidf_f1"]
    if theirs is not None and ours < theirs:
        yield f"beats_baselines: mean F1 of the behaviours is {ours:.3f}, TF-IDF has {theirs:.3f}: train for longer, or label more calls"


def lost_labels(folder: Path, live: Path) -> Iterator[str]:
    """A line where the model in use knows labels that the candidate does not."""
    if live.exists():
        known = names(read_labels(folder / "labels.json"))
        lost = [name for name in names(read_labels(live / "labels.json")) if name not in known]
        if lost:
            yield f"whole: {', '.join(lost)}: a label of {live}, not of {folder}: train with the label, or name another --live"


def stale(report: dict[str, Any], config: TrainingConfig, folder: Path, live: Path) -> Iterator[str]:
    """A line where the report is about another model, other data or another rival than those that are there now."""
    if report["model_hash"] != model_hash(folder):
        yield "evaluated: the model has changed since the evaluation: run make evaluate again"
    if report["data_sha256"] != {"train": corpus_hash(config.train_files), "dev": corpus_hash(config.dev)}:
        yield "evaluated: the labelled calls have changed since the evaluation: run make retrain"
    if live.exists() and (report["released"] or {}).get("model_hash") != model_hash(live):
        yield f"evaluated: the evaluation does not compare with {live}, which is in use: run make evaluate MODEL={folder} LIVE={live}"

"""How good is a model on calls that it has not seen? Everything that is measured, as one report."""

import itertools
import platform
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers

from scorer.classify.decide import Decision
from scorer.classify.load import load_model
from scorer.classify.model import WEIGHTS, SegmentModel, model_hash
from scorer.durable import file_hash
from scorer.labels import Label, names, read_labels
from scorer.scoring.rubric import Rubric
from scorer.training.agreement import call_agreement
from scorer.training.baselines import lexicon_hits, rows_of, tfidf_f1
from scorer.training.confusion import look_alikes, mixed_up, worst_mistakes
from scorer.training.corpus import LabelledCall, corpus_files, corpus_hash, read_corpus
from scorer.training.judge import Judged, judge_labelled
from scorer.training.metrics import Draws, calibration_curve, compare, draw_calls, f1, f1_samples, intervals, label_numbers
from scorer.training.settings import TrainingConfig
from scorer.training.slices import CHANGES, Decisions, changed, f1_of, slice_numbers
from scorer.training.split import Split, seen_by, shared_calls, split_of
from scorer.training.trainer import Progress


def evaluate(
    config: TrainingConfig,
    folder: Path,
    *,
    rubric: Rubric,
    released: Path | None,
    calls: Sequence[Path] = (),
    progress: Progress = lambda *_: None,
) -> dict[str, Any]:
    """Measure a calibrated folder on the dev calls, beside two baselines and the released model (None: there is none yet).

    The report is what evaluation.json holds; shares are 0 to 1, intervals a bootstrap over calls. `calls`: files to measure on instead.
    """
    model = load_model(folder)
    measured_on = tuple(calls) or config.dev
    dev = read_corpus(measured_on, names(model.labels))
    known = [*names(model.labels), *(names(read_labels(config.labels)) if calls else ())]  # the baselines' calls may carry newer labels
    learnt = split_of(folder, read_corpus(config.train_files, known))
    draws = draw_calls(len(dev), rounds=config.bootstrap_rounds, confidence=config.confidence, seed=config.seed)
    decisions = decisions_of(model)
    steps = itertools.count(1)

    def told() -> None:
        progress(next(steps), len(model.labels) + len(CHANGES) + 3)

    judged = judge_labelled(dev, model, config)
    told()
    labels = _label_part(model.labels, judged, decisions, learnt=learnt, tested=dev, draws=draws, seed=config.seed, told=told)
    changes = {}
    for name, change in CHANGES.items():
        changes[name] = f1_of(judge_labelled(changed(dev, change), model, config), decisions)
        told()
    agreement = call_agreement(dev, model, rubric, config=config, draws=draws)
    told()
    rival = _released_part(released, dev, judged, decisions, config=config, draws=draws)
    told()
    scored = list(dict.fromkeys(behaviour.label for behaviour in rubric.behaviours.values()))  # two may read one label
    behaviours = [name for name in scored if labels[name]["positives"]] or scored  # their mean is of what these calls can tell
    return _about(config, folder, measured_on) | {
        "behaviours": behaviours,
        "labels": labels,
        **_mean_part(behaviours, labels, judged, decisions, draws),
        "changed_input": changes,
        "slices": slice_numbers(dev, judged, decisions),
        "mixed_up": mixed_up(dev, judged, decisions, model.labels),
        "agreement": agreement,
        "released": rival,
        "worst": worst_mistakes(dev, judged, decisions),
        "shared_calls": shared_calls(seen_by(folder), dev),
        "calls": {"train": len(learnt.train), "held_out": len(learnt.held_out), "dev": len(dev)},
    }


def _about(config: TrainingConfig, folder: Path, measured_on: Sequence[Path]) -> dict[str, Any]:
    """What was measured, on what, and where."""
    chosen_on = config.dev_files
    return {
        "model_hash": model_hash(folder),
        "weights_sha256": file_hash(folder / WEIGHTS),
        "confidence": config.confidence,
        "data_sha256": {"train": corpus_hash(config.train_files), "dev": corpus_hash(measured_on)},
        "config": config.model_copy(update={"dev": tuple(measured_on)}).model_dump(mode="json"),
        "settings_chosen_on_them": any(path.resolve() in chosen_on for path in corpus_files(measured_on)),
        "machine": machine(),
    }


def decisions_of(model: SegmentModel) -> dict[str, Decision]:
    """The decisions by label name."""
    return dict(zip(names(model.labels), model.decisions, strict=True))


def _label_part(
    labels: Sequence[Label],
    judged: Mapping[str, Judged],
    decisions: Decisions,
    *,
    learnt: Split,
    tested: Sequence[LabelledCall],
    draws: Draws,
    seed: int,
    told: Callable[[], None],
) -> dict[str, Any]:
    """Per label: numbers, their intervals, the calibration curve, both baselines, and the look-alikes."""
    rows = {}
    for label in labels:
        one, decision = judged[label.name], decisions[label.name]
        probabilities = one.probabilities(decision)
        trained, tuned, asked = (rows_of(calls, label) for calls in (learnt.train, learnt.held_out, tested))
        lexicon, _ = lexicon_hits(trained + tuned, asked)
        rows[label.name] = label_numbers(probabilities, one.truth, decision.threshold) | {
            "intervals": intervals(probabilities, one.truth, one.calls, threshold=decision.threshold, draws=draws),
            "calibration_curve": calibration_curve(probabilities, one.truth),
            "lexicon_f1": f1(lexicon, one.truth),
            "tfidf_f1": tfidf_f1(trained, tuned, asked, seed=seed),
            "look_alikes": look_alikes(one, decision, lexicon),
        }
        told()
    return rows


def _mean_part(
    behaviours: Sequence[str], labels: dict[str, Any], judged: Mapping[str, Judged], decisions: Decisions, draws: Draws
) -> dict[str, Any]:
    """Means over the scored behaviours; of the model with its interval."""
    samples = [f1_samples(judged[x].given(decisions[x]), judged[x].truth, judged[x].calls, draws) for x in behaviours]
    means = {"mean_f1_of_behaviours": "f1", "mean_lexicon_f1": "lexicon_f1", "mean_tfidf_f1": "tfidf_f1"}
    return {mean: _mean([labels[x][key] for x in behaviours]) for mean, key in means.items()} | {
        "mean_f1_interval": draws.interval(np.mean(samples, axis=0))
    }


def _mean(shares: Sequence[float | None]) -> float | None:
    """The mean; None where one of them is not known, since a mean of the others would be of other labels."""
    return None if None in shares else float(np.mean(np.array(shares, dtype=float)))


def _released_part(
    released: Path | None,
    dev: Sequence[LabelledCall],
    judged: Mapping[str, Judged],
    decisions: Decisions,
    *,
    config: TrainingConfig,
    draws: Draws,
) -> dict[str, Any] | None:
    if released is None:
        return None
    model = load_model(released)
    theirs, their_decisions = judge_labelled(dev, model, config), decisions_of(model)
    labels = {
        name: compare(one.given(decisions[name]), theirs[name].given(their_decisions[name]), one.truth, one.calls, draws)
        for name, one in judged.items()
        if name in theirs and one.truth.any()  # without a segment to find, both would seem to be equal
    }
    return {"name": released.resolve().name, "model_hash": model_hash(released), "labels": labels}


def machine() -> dict[str, Any]:
    """What the numbers were made on; no host name."""
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else f"{torch.get_num_threads()} CPU cores ({platform.machine()})"
    return {"device": device, "python": platform.python_version(), "torch": torch.__version__, "transformers": transformers.__version__}

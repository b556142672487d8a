"""Which labels should a person look at again? Segments whose labels a model doubts that has never seen their calls.

Confident learning, label by label: a label is doubted where the out-of-fold probability of the contrary reaches the mean
probability that the model gives where the contrary is so. Source: Northcutt et al. 2021, arXiv:1911.00068. The library
cleanlab does the same and brings pandas and more; for labels that stand alone it comes to the two means below.
"""

import json
import random
import shutil
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from scorer.labels import Label, names, read_labels
from scorer.training.calibrate import fit_decision
from scorer.training.confusion import context
from scorer.training.corpus import LabelledCall, read_corpus
from scorer.training.judge import Bools, Floats, Judged, judge_labelled
from scorer.training.settings import TrainingConfig
from scorer.training.train import fit
from scorer.training.trainer import Progress, part_of


@dataclass(frozen=True, slots=True)
class Doubt:
    """One label of one segment that looks wrong (given) or missing (not given). `probability` is that the segment carries it."""

    call_id: str
    segment: int
    label: str
    given: bool
    probability: float
    context: list[dict[str, Any]]

    @property
    def strength(self) -> float:
        """How surely the model disagrees, 0 to 1."""
        return 1 - self.probability if self.given else self.probability


def find_doubts(config: TrainingConfig, *, work: Path, progress: Progress) -> list[Doubt]:
    """All doubts about the training calls, strongest first; trains one model per fold."""
    labels = read_labels(config.labels)
    calls = read_corpus(config.train_files, names(labels))
    folds = cross_validated(config, calls, labels, work=work, progress=progress)
    found = [doubt for tested, judged in folds for doubt in _doubts(tested, judged)]
    with suppress(OSError):  # it holds what is not ours
        work.rmdir()
    return sorted(found, key=lambda doubt: (-doubt.strength, doubt.call_id, doubt.segment, doubt.label))


def cross_validated(
    config: TrainingConfig, calls: Sequence[LabelledCall], labels: Sequence[Label], *, work: Path, progress: Progress
) -> Iterator[tuple[list[LabelledCall], dict[str, Judged]]]:
    """For each fold of calls: the calls, and what a model says of them that was trained on the others."""
    order = sorted(calls, key=lambda labelled: labelled.call.call_id)
    random.Random(config.seed).shuffle(order)
    for fold in range(config.folds):
        tested = order[fold :: config.folds]
        kept = [labelled for at, labelled in enumerate(order) if at % config.folds != fold]
        fitted = fit(config, kept, labels, work=work / f"fold-{fold}", progress=part_of(progress, fold, config.folds))
        shutil.rmtree(work / f"fold-{fold}")
        yield tested, judge_labelled(tested, fitted.as_model(), config)


def _doubts(calls: Sequence[LabelledCall], judged: dict[str, Judged]) -> Iterator[Doubt]:
    for name, one in judged.items():
        if not one.truth.any() or one.truth.all():
            continue
        probabilities = one.probabilities(fit_decision(one))
        for at in np.flatnonzero(doubted(probabilities, one.truth)):
            call, segment = calls[int(one.calls[at])], int(one.segments[at])
            yield Doubt(call.call.call_id, segment, name, bool(one.truth[at]), round(float(probabilities[at]), 4), context(call, segment))


def doubted(probabilities: Floats, truth: Bools) -> Bools:
    """Where the contrary of the label is as likely as it is on average where it is so."""
    usual_yes, usual_no = probabilities[truth].mean(), (1 - probabilities[~truth]).mean()
    return np.asarray(np.where(truth, 1 - probabilities >= usual_no, probabilities >= usual_yes), dtype=bool)


def write_doubts(found: Sequence[Doubt], path: Path) -> None:
    """One doubt a line, strongest first, with the segments around it. Holds transcript text: keep it where the data is kept."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(asdict(doubt), ensure_ascii=False) + "\n" for doubt in found), encoding="utf-8")

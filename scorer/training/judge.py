"""What does a model say of labelled calls? Raw answers beside the truth, per label, ready to be counted by call."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from scorer.classify.decide import Decision, may_carry_labels
from scorer.classify.model import SegmentModel
from scorer.classify.predict import call_logits
from scorer.labels import Label
from scorer.training.corpus import LabelledCall
from scorer.training.settings import TrainingConfig

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
BATCH_TOKENS = 4096


@dataclass(frozen=True, slots=True)
class Judged:
    """One label over the segments that can carry it: four arrays of one length, in the order of calls and segments."""

    logits: Floats
    truth: Bools
    calls: Ints  # position of the segment's call
    segments: Ints  # position in that call

    def probabilities(self, decision: Decision) -> Floats:
        """Calibrated, 0 to 1."""
        return np.asarray(expit(self.logits / decision.temperature + decision.bias), dtype=np.float64)

    def given(self, decision: Decision) -> Bools:
        """Which segments get the label."""
        return self.probabilities(decision) >= decision.threshold


def judge_labelled(calls: Sequence[LabelledCall], model: SegmentModel, config: TrainingConfig) -> dict[str, Judged]:
    """Judge every call; one entry per label, over the segments of `judged_places`."""
    maker = model.maker(config.window_tokens, config.context_tokens)
    logits = call_logits([labelled.call for labelled in calls], model, maker, batch_tokens=BATCH_TOKENS)
    rows: dict[str, list[tuple[float, bool, int, int]]] = {label.name: [] for label in model.labels}
    for call, (labelled, answer) in enumerate(zip(calls, logits, strict=True)):
        said = answer.tolist()
        for column, label in enumerate(model.labels):
            rows[label.name] += [(said[at][column], label.name in labelled.labels[at], call, at) for at in judged_places(labelled, label)]
    return {name: _judged(found) for name, found in rows.items()}


def judged_places(labelled: LabelledCall, label: Label) -> list[int]:
    """Positions of the segments that can carry the label and of which a person said whether they do."""
    can_carry = [at for at, s in enumerate(labelled.call.segments) if s.speaker == label.party and may_carry_labels(s.speaker, s.text)]
    return [at for at in can_carry if labelled.is_judged(at, label.name)]


def _judged(rows: Sequence[tuple[float, bool, int, int]]) -> Judged:
    logits, truth, calls, segments = zip(*rows, strict=True) if rows else ((), (), (), ())
    return Judged(np.array(logits, dtype=float), np.array(truth, dtype=bool), np.array(calls, dtype=int), np.array(segments, dtype=int))

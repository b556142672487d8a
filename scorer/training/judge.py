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
from scorer.records import Segment
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


def judge_labelled(calls: Sequence[LabelledCall], model: SegmentModel, config: TrainingConfig) -> dict[str, Judged]:
    """Judge every call; one entry per label, over the segments of its party that hold words."""
    maker = model.maker(config.window_tokens, config.context_tokens)
    logits = call_logits([labelled.call for labelled in calls], model, maker, batch_tokens=BATCH_TOKENS)
    rows: dict[str, list[tuple[float, bool, int, int]]] = {label.name: [] for label in model.labels}
    for at, (labelled, answer) in enumerate(zip(calls, logits, strict=True)):
        for segment, given, row in zip(labelled.call.segments, labelled.labels, answer.tolist(), strict=True):
            for label, logit in zip(model.labels, row, strict=True):
                if may_carry(label, segment) and labelled.is_judged(segment.index, label.name):
                    rows[label.name].append((logit, label.name in given, at, segment.index))
    return {name: _judged(found) for name, found in rows.items()}


def may_carry(label: Label, segment: Segment) -> bool:
    """Whether the label can be on the segment."""
    return label.party == segment.speaker and may_carry_labels(segment.speaker, segment.text)


def _judged(rows: Sequence[tuple[float, bool, int, int]]) -> Judged:
    logits, truth, calls, segments = zip(*rows, strict=True) if rows else ((), (), (), ())
    return Judged(np.array(logits, dtype=float), np.array(truth, dtype=bool), np.array(calls, dtype=int), np.array(segments, dtype=int))

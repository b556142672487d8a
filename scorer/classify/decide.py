"""When does a logit become a label? Temperature, bias and threshold per label, as the model folder holds them."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from scorer.classify.timing import Timing
from scorer.errors import ModelError
from scorer.labels import Label
from scorer.records import Segment, SegmentPrediction, Speaker

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Decision:
    """How one label is decided: given where sigmoid(logit / temperature + bias) reaches the threshold."""

    temperature: float
    bias: float
    threshold: float  # 0 to 1, on the calibrated probability


UNCALIBRATED = Decision(1.0, 0.0, 0.5)  # stands in until a model is calibrated


def read_decisions(path: Path, labels: Sequence[Label]) -> tuple[Decision, ...]:
    """Decisions in the order of `labels`; a model from before there was a bias has none.

    Raises ModelError where the file is missing, malformed, out of range or not about exactly these labels.
    """
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
        decisions = tuple(_decision(rows[x.name]) for x in labels)
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError, AttributeError) as error:
        raise ModelError(f"{path}: no temperature and threshold for every label ({type(error).__name__}): run make calibrate") from error
    wrong = [
        x.name
        for x, d in zip(labels, decisions, strict=True)
        if not (d.temperature > 0 and math.isfinite(d.temperature) and math.isfinite(d.bias) and 0 < d.threshold < 1)
    ]
    if wrong or set(rows) != {x.name for x in labels}:
        raise ModelError(f"{path}: out of range for {wrong} or about other labels than labels.json: run make calibrate")
    return decisions


def _decision(row: Mapping[str, Any]) -> Decision:
    return Decision(float(row["temperature"]), float(row.get("bias", 0.0)), float(row["threshold"]))


def write_decisions(path: Path, labels: Sequence[Label], decisions: Sequence[Decision]) -> None:
    """Write thresholds.json."""
    rows = {x.name: asdict(d) for x, d in zip(labels, decisions, strict=True)}
    path.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


def probabilities(logits: Floats, decisions: Sequence[Decision]) -> list[list[float]]:
    """Calibrated probabilities of logits of shape (segments, labels), 0 to 1.

    Rounded to 6 decimals, so that the last bits of a batch's arithmetic do not show.
    """
    temperatures = np.array([decision.temperature for decision in decisions])
    biases = np.array([decision.bias for decision in decisions])
    scaled = np.clip(logits.astype(np.float64) / temperatures + biases, -60.0, 60.0)
    found: list[list[float]] = (1 / (1 + np.exp(-scaled))).round(6).tolist()
    return found


def decide(
    segments: Sequence[Segment], timings: Sequence[Timing], logits: Floats, *, labels: Sequence[Label], decisions: Sequence[Decision]
) -> tuple[SegmentPrediction, ...]:
    """The labels of every segment; only those of its own party, none for a third party or a segment without words."""
    columns: dict[Speaker, list[tuple[int, str, float]]] = {}
    for at, (label, decision) in enumerate(zip(labels, decisions, strict=True)):
        columns.setdefault(label.party, []).append((at, label.name, decision.threshold))
    found = []
    for segment, timing, row in zip(segments, timings, probabilities(logits, decisions), strict=True):
        mine = columns.get(segment.speaker, []) if may_carry_labels(segment.speaker, segment.text) else []
        said = {name: row[at] for at, name, _ in mine}
        given = frozenset(name for at, name, threshold in mine if row[at] >= threshold)
        found.append(SegmentPrediction(probabilities=said, labels=given, overlap_s=timing.overlap_s, tier=timing.tier))
    return tuple(found)


def may_carry_labels(speaker: Speaker, text: str) -> bool:
    """Whether the model's answer counts: the agent's or the customer's words, not silence or a machine's."""
    return speaker != "other" and bool(text.strip())

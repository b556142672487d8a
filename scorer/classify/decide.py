"""When does a logit become a label? Temperature, bias and threshold per label, as the model folder holds them."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from scorer.classify.timing import Timing
from scorer.errors import ModelError
from scorer.labels import Label
from scorer.records import Segment, SegmentPrediction, Speaker


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


def probability(logit: float, decision: Decision) -> float:
    """Calibrated probability, 0 to 1, rounded to 6 decimals so that the last bits of a batch's arithmetic do not show."""
    scaled = max(-60.0, min(60.0, logit / decision.temperature + decision.bias))
    return round(1 / (1 + math.exp(-scaled)), 6)


def decide(
    segment: Segment, timing: Timing, logits: Sequence[float], *, labels: Sequence[Label], decisions: Sequence[Decision]
) -> SegmentPrediction:
    """The labels of one segment; only those of its own party, none for a third party or a segment without words."""
    if not may_carry_labels(segment.speaker, segment.text):
        return SegmentPrediction(overlap_s=timing.overlap_s, tier=timing.tier)
    rows = [(x.name, probability(z, d), d) for x, z, d in zip(labels, logits, decisions, strict=True) if x.party == segment.speaker]
    return SegmentPrediction(
        probabilities={name: p for name, p, _ in rows},
        labels=frozenset(name for name, p, d in rows if p >= d.threshold),
        overlap_s=timing.overlap_s,
        tier=timing.tier,
    )


def may_carry_labels(speaker: Speaker, text: str) -> bool:
    """Whether the model's answer counts: the agent's or the customer's words, not silence or a machine's."""
    return speaker != "other" and bool(text.strip())

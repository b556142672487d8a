"""Which labels are there: their names, whose speech carries them, and whether they are wished for."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from scorer.errors import ModelError

Party = Literal["agent", "customer"]
Polarity = Literal["desired", "undesired", "signal"]
PARTIES, POLARITIES = get_args(Party), get_args(Polarity)
MENTIONED = 0.2  # probability from which a label is shown beside a segment, also where it is not given


@dataclass(frozen=True, slots=True)
class Label:
    """One thing that the codebook names."""

    name: str
    party: Party
    polarity: Polarity
    description: str = ""


def read_labels(path: Path) -> tuple[Label, ...]:
    """Read a label file, in the order of the model's outputs.

    Raises ModelError where the file is missing or a row is malformed.
    """
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
        labels = tuple(Label(**row) for row in rows)
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise ModelError(f"{path}: not a label file ({type(error).__name__}): restore it or retrain") from error
    bad = [x.name for x in labels if not (isinstance(x.name, str) and x.party in PARTIES and x.polarity in POLARITIES)]
    if bad or len({x.name for x in labels}) != len(labels) or not labels:
        wrong = f"unknown party or polarity, no label, or a name that is no word or used twice {bad}"
        raise ModelError(f"{path}: {wrong}: see models/labels.json for an example")
    return labels


def names(labels: Sequence[Label]) -> tuple[str, ...]:
    """The names, in order."""
    return tuple(label.name for label in labels)


def plain(name: str) -> str:
    """A name of the label file, or of the rubric, as people say it."""
    return name.replace("_", " ")

"""On which kinds of calls is a model better or worse? Parts of the dev calls, and the same calls with something taken away."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from scorer.classify.decide import Decision
from scorer.records import Segment
from scorer.training.augment import MASKS, PUNCTUATION, masked
from scorer.training.corpus import LabelledCall
from scorer.training.judge import Judged
from scorer.training.metrics import f1

SLICED_BY = {"style": "how it was written down", "lang": "variety of English", "domain": "trade", "type": "what the customer calls for"}
FEWEST = 5  # positives under which an F1 says nothing
Decisions = Mapping[str, Decision]


def without_clock(segment: Segment) -> Segment:
    """As from a source without times."""
    return replace(segment, start_s=None, end_s=None, words=())


def without_punctuation(segment: Segment) -> Segment:
    """As from a recogniser that writes words only."""
    return replace(segment, text=PUNCTUATION.sub(" ", segment.text.lower()))


def without_names(segment: Segment) -> Segment:
    """As from a source that blanks out names and numbers."""
    return replace(segment, text=masked(segment.text, *MASKS[0]))


CHANGES: dict[str, Callable[[Segment], Segment]] = {
    "without clock": without_clock,
    "lower case, no punctuation": without_punctuation,
    "names and numbers masked": without_names,
}


def changed(calls: Sequence[LabelledCall], change: Callable[[Segment], Segment]) -> list[LabelledCall]:
    """The calls with every segment changed."""
    return [replace(x, call=replace(x.call, segments=tuple(change(s) for s in x.call.segments))) for x in calls]


def f1_of(judged: Mapping[str, Judged], decisions: Decisions) -> dict[str, float]:
    """F1 of every label."""
    return {name: f1(one.given(decisions[name]), one.truth) for name, one in judged.items()}


def slice_numbers(calls: Sequence[LabelledCall], judged: Mapping[str, Judged], decisions: Decisions) -> list[dict[str, Any]]:
    """One row per slice: what it is, its calls, and F1 and positives per label; F1 is None under five positives."""
    rows = []
    for key in SLICED_BY:
        for value in sorted({str(x.meta.get(key, "unknown")) for x in calls}):
            places = [at for at, x in enumerate(calls) if str(x.meta.get(key, "unknown")) == value]
            labels = {name: _in_calls(one, places, decisions[name]) for name, one in judged.items()}
            rows.append({"by": key, "value": value, "calls": len(places), "labels": labels})
    return rows


def _in_calls(one: Judged, places: Sequence[int], decision: Decision) -> dict[str, Any]:
    inside = np.isin(one.calls, places)
    truth = one.truth[inside]
    given = one.given(decision)[inside]
    positives = int(truth.sum())
    return {"f1": f1(given, truth) if positives >= FEWEST else None, "positives": positives}

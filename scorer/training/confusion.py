"""What does a model take for what? Look-alikes that it fell for, labels that it mixed up, and its worst mistakes."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from scorer.classify.decide import Decision
from scorer.labels import Label
from scorer.training.corpus import LabelledCall, is_whole
from scorer.training.judge import Bools, Judged

WORST = 40
NEIGHBOURS = 2  # segments shown on each side of a mistake


def look_alikes(one: Judged, decision: Decision, sounds_like: Bools) -> dict[str, Any]:
    """Of the segments that hold a keyword of the label without carrying it, how many does the model label?"""
    tempting = sounds_like & ~one.truth
    return {"segments": int(tempting.sum()), "labelled": int((tempting & one.given(decision)).sum())}


def mixed_up(
    calls: Sequence[LabelledCall], judged: Mapping[str, Judged], decisions: Mapping[str, Decision], labels: Sequence[Label]
) -> dict[str, dict[str, int]]:
    """For each label given wrongly: which labels those segments carry instead; "none" where they carry no label, "not judged" where
    the call is judged only in part and nobody gave them one.
    """
    whole = [is_whole(x, labels) for x in calls]
    found = {}
    for name, one in judged.items():
        wrong = one.given(decisions[name]) & ~one.truth
        instead: Counter[str] = Counter()
        for call, segment in zip(one.calls[wrong], one.segments[wrong], strict=True):
            instead.update(calls[call].labels[segment] or {"none" if whole[call] else "not judged"})
        found[name] = dict(instead.most_common())
    return found


def worst_mistakes(
    calls: Sequence[LabelledCall], judged: Mapping[str, Judged], decisions: Mapping[str, Decision], count: int = WORST
) -> list[dict[str, Any]]:
    """The mistakes furthest from their threshold, worst first, each with the segments around it."""
    rows: list[dict[str, Any]] = []
    for name, one in judged.items():
        probabilities, threshold = one.probabilities(decisions[name]), decisions[name].threshold
        for at in np.flatnonzero(one.given(decisions[name]) != one.truth):
            p = float(probabilities[at])
            depth = (p - threshold) / (1 - threshold) if p >= threshold else (threshold - p) / threshold
            labelled = calls[int(one.calls[at])]
            rows.append(
                {
                    "label": name,
                    "kind": "missed" if one.truth[at] else "false",
                    "probability": round(p, 4),
                    "call_id": labelled.call.call_id,
                    "segment": int(one.segments[at]),
                    "depth": round(depth, 4),
                    "context": context(labelled, int(one.segments[at])),
                }
            )
    return sorted(rows, key=lambda row: (-row["depth"], row["call_id"], row["segment"], row["label"]))[:count]


def context(labelled: LabelledCall, at: int) -> list[dict[str, Any]]:
    """The segment and its neighbours: speaker, text, labels, and whether it is the one."""
    segments = labelled.call.segments
    near = range(max(0, at - NEIGHBOURS), min(len(segments), at + NEIGHBOURS + 1))
    return [{"speaker": segments[n].speaker, "text": segments[n].text, "labels": sorted(labelled.labels[n]), "here": n == at} for n in near]

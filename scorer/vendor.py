"""Where do the source's own interruptions and ours differ? Agent segments that only one of the two calls an interruption."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from scorer.errors import RunError
from scorer.labels import Label
from scorer.manifest import read_run
from scorer.records import JudgedCall, Segment
from scorer.tables.judged import read_judged

COLUMN = "vendor_interruptions"  # as the import writes it
LABEL = "interruption"
NEAR_S = 1.0  # a vendor's time so close to a segment still means it


@dataclass(frozen=True, slots=True)
class Difference:
    """One place that only one of the two calls an interruption. `probability` is ours; the words are what a person needs."""

    call_id: str
    only: Literal["vendor", "scorer"]
    start_s: float | None
    segment_index: int | None  # None where the vendor's time meets no agent segment
    probability: float | None
    customer: str  # what the customer was saying before
    agent: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a run and its source say about interruptions by the agent."""

    calls: int  # that carry the source's figures
    both: int
    only_vendor: int
    only_scorer: int
    differences: tuple[Difference, ...]


def compare_vendor(run: Path) -> Comparison:
    """Compare every call of a run that carries the source's figures.

    Raises RunError where no call does.
    """
    labels = tuple(Label(**row) for row in read_run(run)["labels"])
    calls = both = 0
    found: list[Difference] = []
    for judged, _ in read_judged(run, labels):
        counted = judged.call.fields.get(COLUMN)
        if counted is None:
            continue
        calls += 1
        segments = judged.call.segments
        theirs = [(_segment_of(item, segments), item["start"]) for item in counted if item["by"] == "agent"]
        ours = {at for at, prediction in enumerate(judged.predictions) if LABEL in prediction.labels}
        met = {at for at, _ in theirs if at is not None}
        both += len(ours & met)
        found += [_difference(judged, at, start, only="vendor") for at, start in theirs if at not in ours]
        found += [_difference(judged, at, segments[at].start_s, only="scorer") for at in sorted(ours - met)]
    if not calls:
        raise RunError(f"{run}: no call carries interruptions of its source: import Call Analytics, Contact Lens or their like")
    only = [item.only for item in found]
    ordered = sorted(found, key=lambda item: item.call_id)
    return Comparison(calls, both, only.count("vendor"), only.count("scorer"), tuple(ordered))


def _difference(judged: JudgedCall, at: int | None, start_s: float | None, *, only: Literal["vendor", "scorer"]) -> Difference:
    call_id, segments = judged.call.call_id, judged.call.segments
    if at is None:
        return Difference(call_id, only, start_s, None, None, "", "")
    customer = next((segment.text for segment in reversed(segments[:at]) if segment.speaker == "customer"), "")
    return Difference(call_id, only, start_s, at, judged.predictions[at].probabilities.get(LABEL), customer, segments[at].text)


def _segment_of(item: Mapping[str, Any], segments: Sequence[Segment]) -> int | None:
    """The agent segment that shares most time with the vendor's interruption, else the one that begins nearest to it."""
    start, end = item["start"], item["end"] if item["end"] is not None else item["start"]
    timed = [(at, s.start_s, s.end_s or s.start_s) for at, s in enumerate(segments) if s.speaker == "agent" and s.start_s is not None]
    shared = [(min(end, stop) - max(start, begin), -abs(begin - start), at) for at, begin, stop in timed]
    best = max(shared, default=None)
    return best[2] if best is not None and best[0] >= -NEAR_S else None

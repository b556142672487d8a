"""What is counted while a night goes through, and how does run.json say it?"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from scorer.labels import Label
from scorer.records import Call, CallScore, Reject, Tally
from scorer.scoring.flags import reasons_of
from scorer.scoring.rubric import Rubric
from scorer.tables.schemas import Stamp

SHOWN_FLAGGED = 20  # calls that run.json and the screen list; all are in flags/
NUMBERS = ("calls", "segments", "rows_scored", "rows_rejected", "files_rejected", "score_sum", "flagged")
COUNTERS = ("rejects", "notes", "statuses", "bands")


@dataclass
class Totals:
    """What is counted while a night goes through."""

    calls: int = 0
    segments: int = 0
    rows_scored: int = 0
    rows_rejected: int = 0
    files_rejected: int = 0
    rejects: Counter[str] = field(default_factory=Counter)  # rows by reason; files where they are whole files
    notes: Counter[str] = field(default_factory=Counter)
    statuses: Counter[str] = field(default_factory=Counter)
    bands: Counter[str] = field(default_factory=Counter)
    tallies: dict[str, Tally] = field(default_factory=dict)
    score_sum: float = 0.0
    flagged: int = 0
    worst: list[Sequence[Any]] = field(default_factory=list)  # id, score, band and rules of flagged calls, the lowest first

    def add(self, call: Call, score: CallScore) -> None:
        """Count one scored call."""
        self.rows_scored += call.rows
        self.add_score(score, segments=len(call.segments), notes=call.notes)

    def add_score(self, score: CallScore, *, segments: int, notes: Mapping[str, int]) -> None:
        """Count one scored call whose input rows are counted elsewhere."""
        self.calls += 1
        self.segments += segments
        if notes:  # to look into nothing would take as long as all the rest
            self.notes.update(notes)
        self.statuses[score.status] += 1
        if score.score is not None:
            self.score_sum += score.score
            self.bands[str(score.band)] += 1
        for behaviour in score.behaviours:
            self.tallies[behaviour.behaviour] = self.tallies.get(behaviour.behaviour, Tally()) + behaviour.tally
        if score.flags:
            self._add_flagged(score)

    def reject(self, reject: Reject) -> None:
        """Count rows that were not scored; of a file whose rows nobody knows, the file."""
        self.rows_rejected += reject.rows
        self.files_rejected += reject.is_file
        self.rejects[reject.reason.value] += 1 if reject.is_file else reject.rows

    def _add_flagged(self, score: CallScore) -> None:
        self.flagged += 1
        self.worst.append((score.call_id, score.score, score.band, [flag.rule for flag in score.flags]))
        self.worst.sort(key=_worst_first)
        del self.worst[SHOWN_FLAGGED:]

    def __add__(self, other: "Totals") -> "Totals":
        total = Totals(**{name: getattr(self, name) + getattr(other, name) for name in (*NUMBERS, *COUNTERS)})
        total.tallies = {name: self.tallies.get(name, Tally()) + other.tallies.get(name, Tally()) for name in self.tallies | other.tallies}
        total.worst = sorted([*self.worst, *other.worst], key=_worst_first)[:SHOWN_FLAGGED]
        return total

    def counts(self) -> dict[str, Any]:
        """All of it as JSON can hold it; `totals_of` reads it back."""
        tallies = {name: {"hits": tally.hits, "chances": tally.chances} for name, tally in self.tallies.items()}
        counters = {name: dict(sorted(getattr(self, name).items())) for name in COUNTERS}
        return {name: getattr(self, name) for name in NUMBERS} | counters | {"tallies": tallies, "worst": self.worst}

    def summary(self, rubric: Rubric) -> dict[str, Any]:
        """The counts as run.json holds them."""
        reasons = reasons_of(rubric)
        scored = self.statuses["scored"]
        return {
            "calls": self.calls,
            "segments": self.segments,
            "rows_scored": self.rows_scored,
            "rows_rejected": self.rows_rejected,
            "files_rejected": self.files_rejected,
            "rejects": dict(sorted(self.rejects.items())),
            "notes": dict(sorted(self.notes.items())),
            "statuses": dict(sorted(self.statuses.items())),
            "mean_score": round(self.score_sum / scored, 2) if scored else None,
            "bands": dict(sorted(self.bands.items())),
            "tallies": {name: {"hits": t.hits, "chances": t.chances} for name, t in self.tallies.items()},
            "flagged_calls": self.flagged,
            "flagged": [
                {"call_id": call_id, "score": score, "band": band, "flags": [_reason(rule, *reasons[rule]) for rule in rules]}
                for call_id, score, band, rules in self.worst
            ],
        }


def totals_of(counts: Mapping[str, Any]) -> Totals:
    """The totals behind `Totals.counts`."""
    totals = Totals(**{name: counts[name] for name in NUMBERS})
    for name in COUNTERS:
        getattr(totals, name).update(counts[name])
    totals.tallies = {name: Tally(**tally) for name, tally in counts["tallies"].items()}
    totals.worst = list(counts["worst"])
    return totals


def _worst_first(row: Sequence[Any]) -> tuple[bool, float, str]:
    call_id, score, *_ = row
    return score is None, score or 0.0, call_id


def _reason(rule: str, severity: str, reason: str) -> dict[str, str]:
    return {"rule": rule, "severity": severity, "reason": reason}


def describe_run(stamp: Stamp, wanted: str, *, labels: Sequence[Label], rubric: Rubric, totals: Totals) -> dict[str, Any]:
    """What run.json says of every kind of run."""
    return {
        "run_id": stamp.run_id,
        "fingerprint": wanted,
        "model": {"name": stamp.model_name, "sha256": stamp.model_hash},
        "rubric": {
            "name": stamp.rubric_name,
            "version": stamp.rubric_version,
            "sha256": stamp.rubric_hash,
            "rules": rubric.model_dump(mode="json", by_alias=True),
        },
        "labels": [asdict(label) for label in labels],
        "scorer_version": stamp.scorer_version,
        "counts": totals.summary(rubric),
    }

"""What is counted while a night goes through, and how does run.json say it?"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from scorer.labels import Label
from scorer.records import Call, CallScore, Reject, Tally
from scorer.scoring.rubric import Rubric
from scorer.tables.schemas import Stamp

SHOWN_FLAGGED = 20  # calls that run.json and the screen list; all are in flags/


@dataclass
class Totals:
    """What is counted while a night goes through."""

    calls: int = 0
    segments: int = 0
    rows_scored: int = 0
    rows_rejected: int = 0
    rejects: Counter[str] = field(default_factory=Counter)  # rows by reason
    notes: Counter[str] = field(default_factory=Counter)
    statuses: Counter[str] = field(default_factory=Counter)
    bands: Counter[str] = field(default_factory=Counter)
    tallies: dict[str, Tally] = field(default_factory=dict)
    score_sum: float = 0.0
    flagged: int = 0
    worst: list[dict[str, Any]] = field(default_factory=list)

    def add(self, call: Call, score: CallScore) -> None:
        """Count one scored call."""
        self.calls += 1
        self.segments += len(call.segments)
        self.rows_scored += call.rows
        self.notes.update(call.notes)
        self.statuses[score.status] += 1
        if score.score is not None:
            self.score_sum += score.score
            self.bands[str(score.band)] += 1
        for behaviour in score.behaviours:
            self.tallies[behaviour.behaviour] = self.tallies.get(behaviour.behaviour, Tally()) + behaviour.tally
        if score.flags:
            self._add_flagged(score)

    def reject(self, reject: Reject) -> None:
        """Count rows that were not scored."""
        self.rows_rejected += reject.rows
        self.rejects[reject.reason.value] += reject.rows

    def _add_flagged(self, score: CallScore) -> None:
        self.flagged += 1
        reasons = [{"rule": flag.rule, "severity": flag.severity, "reason": flag.reason} for flag in score.flags]
        self.worst.append({"call_id": score.call_id, "score": score.score, "band": score.band, "flags": reasons})
        self.worst.sort(key=lambda row: (row["score"] is None, row["score"], row["call_id"]))
        del self.worst[SHOWN_FLAGGED:]

    def summary(self) -> dict[str, Any]:
        """The counts as run.json holds them."""
        scored = self.statuses["scored"]
        return {
            "calls": self.calls,
            "segments": self.segments,
            "rows_scored": self.rows_scored,
            "rows_rejected": self.rows_rejected,
            "rejects": dict(sorted(self.rejects.items())),
            "notes": dict(sorted(self.notes.items())),
            "statuses": dict(sorted(self.statuses.items())),
            "mean_score": round(self.score_sum / scored, 2) if scored else None,
            "bands": dict(self.bands),
            "tallies": {name: {"hits": t.hits, "chances": t.chances} for name, t in self.tallies.items()},
            "flagged_calls": self.flagged,
            "flagged": self.worst,
        }


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
        "counts": totals.summary(),
    }

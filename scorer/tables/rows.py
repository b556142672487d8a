"""How does a result look as table rows?"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import cache
from typing import Any

from scorer.labels import Label
from scorer.records import CallScore, Evidence, JudgedCall, Reject, Segment
from scorer.tables.schemas import Stamp

TIERS = ("words", "turns")  # best first


def call_row(judged: JudgedCall, score: CallScore, *, outputs: Mapping[str, str], stamp: Stamp) -> dict[str, Any]:
    """The row in calls/; `outputs` names the column of each carried field."""
    call = judged.call
    tiers = {prediction.tier for prediction in judged.predictions}
    speakers = [segment.speaker for segment in call.segments]
    row = {
        "call_id": call.call_id,
        "segments": len(call.segments),
        "agent_segments": speakers.count("agent"),
        "customer_segments": speakers.count("customer"),
        "duration_s": _duration(call.segments),
        "timing": next((tier for tier in TIERS if tier in tiers), "none"),
        "notes": [{"note": note, "count": count} for note, count in sorted(call.notes.items())],
    }
    return row | score_row(score) | {outputs[name]: value for name, value in call.fields.items()} | stamp_row(stamp)


def score_row(score: CallScore) -> dict[str, Any]:
    """What of a row in calls/ is the score's, and not the call's own."""
    row: dict[str, Any] = {
        "status": score.status,
        "score": score.score,
        "raw_score": score.raw_score,
        "expected_score": score.expected_score,
        "band": score.band,
        "auto_fail": score.auto_fail,
        "flags": len(score.flags),
    }
    for item in score.behaviours:
        row |= {
            f"{item.behaviour}_hits": item.tally.hits,
            f"{item.behaviour}_chances": item.tally.chances,
            f"{item.behaviour}_expected_hits": item.expected_hits,
            f"{item.behaviour}_points": item.points,
            f"{item.behaviour}_expected_points": item.expected_points,
            f"{item.behaviour}_weight": item.weight,
        }
    return row


def segment_rows(judged: JudgedCall, labels: Sequence[Label], *, stamp: Stamp) -> list[dict[str, Any]]:
    """The rows in segments/."""
    return [
        {
            "call_id": judged.call.call_id,
            "segment_index": segment.index,
            "speaker": segment.speaker,
            "text": segment.text,
            "start_s": segment.start_s,
            "end_s": segment.end_s,
            "overlap_s": prediction.overlap_s,
            "tier": prediction.tier,
            "labels": sorted(prediction.labels),
            **{f"p_{label.name}": prediction.probabilities.get(label.name) for label in labels},
            "run_id": stamp.run_id,
            "model_hash": stamp.model_hash,
        }
        for segment, prediction in zip(judged.call.segments, judged.predictions, strict=True)
    ]


def flag_rows(score: CallScore, *, stamp: Stamp) -> list[dict[str, Any]]:
    """The rows in flags/."""
    return [
        {
            "call_id": score.call_id,
            "rule": flag.rule,
            "severity": flag.severity,
            "reason": flag.reason,
            "score": score.score,
            "band": score.band,
            "evidence": [_evidence(evidence) for evidence in flag.evidence],
            "run_id": stamp.run_id,
            "rubric_hash": stamp.rubric_hash,
        }
        for flag in score.flags
    ]


def reject_row(reject: Reject, *, stamp: Stamp) -> dict[str, Any]:
    """The row in rejects/."""
    return asdict(reject) | {"reason": reject.reason.value, "run_id": stamp.run_id}


def _evidence(evidence: Evidence) -> dict[str, Any]:
    return {  # asdict would copy every value of every piece
        "segment_index": evidence.segment_index,
        "label": evidence.label,
        "probability": evidence.probability,
        "start_s": evidence.start_s,
        "quote": evidence.quote,
        "tier": evidence.tier,
    }


@cache
def stamp_row(stamp: Stamp) -> dict[str, Any]:
    """The columns of a row in calls/ that say where it comes from."""
    return asdict(stamp)


def _duration(segments: Sequence[Segment]) -> float | None:
    times = [segment.start_s for segment in segments if segment.start_s is not None]
    times += [segment.end_s for segment in segments if segment.end_s is not None]
    return max(times) - min(times) if times else None

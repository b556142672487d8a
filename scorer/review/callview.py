"""What does a page show of one call? The same for report and app."""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scorer.labels import MENTIONED, Label
from scorer.records import CallScore, Evidence, Flag, JudgedCall, Segment, SegmentPrediction
from scorer.review.charts import Timeline, clock, timeline
from scorer.review.masks import visible
from scorer.scoring.aggregate import contributions, score_call, why_no_score
from scorer.scoring.rubric import Rubric
from scorer.tables.judged import read_judged
from scorer.tables.nights import AGENT, STARTED, TEAM

QUOTE = 200  # characters of a quote
QUOTES = 3  # per reason


@dataclass(frozen=True, slots=True)
class Mark:
    """One label at one segment: what the model says."""

    label: str
    probability: float
    given: bool
    evidence: bool

    @property
    def mentioned(self) -> bool:
        """Whether it is shown beside the segment."""
        return self.given or self.probability >= MENTIONED


@dataclass(frozen=True, slots=True)
class Turn:
    """One segment as it is shown; `marks` likeliest first, of all labels that the speaker can carry."""

    index: int
    speaker: str
    time: str
    text: str
    overlap_s: float | None
    marks: tuple[Mark, ...]

    @property
    def evidence(self) -> bool:
        """Whether a reason to look rests on it."""
        return any(mark.evidence for mark in self.marks)


@dataclass(frozen=True, slots=True)
class Quote:
    """One place that a reason rests on: where, what was said, what the model calls it and how sure it is."""

    index: int
    time: str
    text: str
    labels: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class Reason:
    """A flag with its strongest quotes that no flag before it has shown, and how many places more it rests on."""

    rule: str
    severity: str
    reason: str
    quotes: tuple[Quote, ...]
    more: int


@dataclass(frozen=True, slots=True)
class CallView:
    """One call as it is shown."""

    call_id: str
    agent: str
    team: str
    started: str
    score: CallScore
    arithmetic: tuple[str, ...]
    reasons: tuple[Reason, ...]
    turns: tuple[Turn, ...]
    picture: Timeline
    length: str


def read_views(run: Path, call_ids: Sequence[str], *, labels: Sequence[Label], rubric: Rubric, masked: bool) -> list[CallView]:
    """The named calls of a run, in the order of the names. Raises RunError where the run is damaged."""
    found = {judged.call.call_id: judged for judged, _ in read_judged(run, labels, call_ids=call_ids)} if call_ids else {}
    return [view_call(found[name], rubric, masked=masked) for name in call_ids if name in found]


def view_call(judged: JudgedCall, rubric: Rubric, *, masked: bool) -> CallView:
    """One judged call, scored by the rubric."""
    score = score_call(judged, rubric)
    evidence = {(found.segment_index, found.label) for flag in score.flags for found in flag.evidence}
    segments, fields = judged.call.segments, judged.call.fields
    ends = [segment.end_s for segment in segments if segment.end_s is not None]
    return CallView(
        call_id=visible(judged.call.call_id, masked=False),
        agent=_field(fields, AGENT),
        team=_field(fields, TEAM),
        started=_started(fields.get(STARTED)),
        score=score,
        arithmetic=tuple(_arithmetic(judged, score, rubric)),
        reasons=_reasons(score.flags, segments, masked=masked),
        turns=tuple(_turn(*pair, evidence, masked=masked) for pair in zip(segments, judged.predictions, strict=True)),
        picture=timeline(segments, frozenset(at for at, _ in evidence)),
        length=clock(max(ends)) if ends else "",
    )


def _turn(segment: Segment, said: SegmentPrediction, evidence: set[tuple[int, str]], *, masked: bool) -> Turn:
    marks = [
        Mark(name, p, name in said.labels, (segment.index, name) in evidence)
        for name, p in sorted(said.probabilities.items(), key=lambda item: -item[1])
    ]
    text = visible(segment.text, masked=masked)
    return Turn(segment.index, segment.speaker, clock(segment.start_s), text, said.overlap_s, tuple(marks))


def _reasons(flags: Sequence[Flag], segments: Sequence[Segment], *, masked: bool) -> tuple[Reason, ...]:
    shown: set[int] = set()
    reasons = []
    for flag in flags:
        places: dict[int, list[Evidence]] = {}
        for found in flag.evidence:  # strongest first
            places.setdefault(found.segment_index, []).append(found)
        new = [at for at in places if at not in shown][:QUOTES]
        shown.update(new)
        quotes = tuple(_quote(places[at], segments[at], masked=masked) for at in sorted(new))
        reasons.append(Reason(flag.rule, flag.severity, flag.reason, quotes, len(places) - len(new)))
    return tuple(reasons)


def _quote(found: Sequence[Evidence], segment: Segment, *, masked: bool) -> Quote:
    """Masked before it is cut: half a number would not be known as one."""
    text = visible(segment.text, masked=masked)
    cut = text if len(text) <= QUOTE else text[: QUOTE - 1] + "…"
    return Quote(segment.index, clock(segment.start_s), cut, tuple((e.label, e.probability) for e in found))


def _arithmetic(judged: JudgedCall, score: CallScore, rubric: Rubric) -> Iterator[str]:
    if score.score is None or score.raw_score is None:
        yield f"No score: {why_no_score(judged, rubric)}."
        return
    terms = contributions(score.behaviours)
    upper = " + ".join(f"{weight:g}×{points:.2f}" for _, weight, points in terms)
    whole = sum(weight for _, weight, _ in terms)
    yield f"Score: 100 × ({upper}) / {whole:g} = {score.raw_score:.1f}, the mean of the points by weight, over what had a chance."
    if score.auto_fail and score.score < score.raw_score:
        yield f"A critical rule holds it at {score.score:.1f}: {score.auto_fail}."
    elif score.auto_fail:
        yield f"A critical rule was broken too, which takes nothing off this score: {score.auto_fail}."
    yield (
        f"Were every behaviour given with its probability, that mean would be {score.expected_score or 0:.1f} on average. "
        f"Rubric {rubric.name}, version {rubric.version}."
    )


def _field(fields: Mapping[str, Any], name: str) -> str:
    return visible(str(fields[name]), masked=False) if fields.get(name) is not None else ""


def _started(value: Any) -> str:
    return value.strftime("%Y-%m-%d %H:%M") if isinstance(value, dt.datetime) else visible(str(value or ""), masked=False)

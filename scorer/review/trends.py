"""How do teams, agents and the model itself go over the nights?"""

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from scorer.records import Tally
from scorer.review.compare import MOVED, MOVED_A_LITTLE, clearly_differ, more_than_chance, stability
from scorer.review.shrink import Shrunk, shrink
from scorer.review.store import KNOWN

WORDS_MOVED = 0.25  # relative change of the text length that is said
SHARE_MOVED = 0.02  # change of the share of unknown speakers that is said


@dataclass(frozen=True, slots=True)
class Line:
    """One behaviour of one group over the nights, None where it had no chance; drawn towards the group's other nights."""

    behaviour: str
    wanted: bool  # whether more is better
    points: tuple[Shrunk | None, ...]
    top: float  # end of the scale


@dataclass(frozen=True, slots=True)
class Drift:
    """One label in one night against all nights before it."""

    label: str
    rate: float | None  # of segments that can carry it
    mean: float | None  # probability
    index: float | None  # population stability of the probabilities
    said: str  # a sentence where it moved, else empty


@dataclass(frozen=True, slots=True)
class NightDrift:
    """How one night's calls and the model's answers look beside the nights before."""

    night: str
    run_id: str
    calls: int
    mean_score: float | None
    text_length: float | None  # characters per segment
    other_share: float  # of segments, by unknown speakers
    score_index: float | None
    labels: tuple[Drift, ...]
    said: tuple[str, ...]


def nights(connection: sqlite3.Connection) -> list[tuple[str, str]]:
    """Run and night of every run, earliest first."""
    return [(run_id, night) for run_id, night in connection.execute(f"select run_id, night from run where {KNOWN} order by night, run_id")]


def lines(connection: sqlite3.Connection, *, team: str = "", agent: str = "") -> list[Line]:
    """Each behaviour over the nights, for a team, an agent or all."""
    rows = connection.execute(
        "select run_id, behaviour, sum(hits), sum(chances) from tally where ? in ('', team) and ? in ('', agent) group by 1, 2",
        [team, agent],
    )
    tallies = {(run, behaviour): Tally(hits, chances) for run, behaviour, hits, chances in rows}
    runs = nights(connection)
    found = []
    known = {name for _, name in tallies}
    for behaviour, wanted in _behaviours(connection).items():
        if behaviour not in known:
            continue
        series = [(night, tallies.get((run, behaviour), Tally())) for run, night in runs]
        points = tuple(shrink(tally, sum((other for at, other in series if at != night), Tally())) for night, tally in series)
        found.append(Line(behaviour, wanted, points, max([p.high for p in points if p], default=1.0)))
    return found


def _behaviours(connection: sqlite3.Connection) -> dict[str, bool]:
    """Every behaviour, in the order of the latest rubric that has it, and whether more of it is better."""
    found: dict[str, bool] = {}
    for (text,) in connection.execute("select about from run order by night desc, run_id desc"):
        about = json.loads(text)
        wished = {label["name"] for label in about["labels"] if label["polarity"] == "desired"}
        for name, behaviour in about["rubric"]["rules"]["behaviours"].items():
            found.setdefault(name, behaviour["label"] in wished)
    return found


def drift(connection: sqlite3.Connection) -> list[NightDrift]:
    """Every night against the nights before it, latest first."""
    rows = connection.execute(f"select night, run_id, drift, about from run where {KNOWN} order by night, run_id").fetchall()
    known = [(row["night"], row["run_id"], json.loads(row["drift"]), json.loads(row["about"])["counts"]) for row in rows]
    found = [_night(*row, [earlier[2] for earlier in known[:at]]) for at, row in enumerate(known)]
    return found[::-1]


def _night(night: str, run_id: str, facts: dict[str, Any], counts: dict[str, Any], before: Sequence[dict[str, Any]]) -> NightDrift:
    labels = tuple(
        _label(name, numbers, [old["labels"][name] for old in before if name in old["labels"]]) for name, numbers in facts["labels"].items()
    )
    scores, moved = _moved("the scores", facts["scores"], [old["scores"] for old in before])
    said = [*_inputs(facts, before), *moved, *(label.said for label in labels if label.said)]
    return NightDrift(
        night=night,
        run_id=run_id,
        calls=counts["calls"],
        mean_score=counts["mean_score"],
        text_length=facts["text_length"],
        other_share=facts["other_share"] or 0.0,
        score_index=scores,
        labels=labels,
        said=tuple(said),
    )


def _label(name: str, now: dict[str, Any], before: Sequence[dict[str, Any]]) -> Drift:
    given = Tally(now["given"], now["segments"])
    earlier = sum((Tally(old["given"], old["segments"]) for old in before), Tally())
    what = f"the model's probabilities of {name.replace('_', ' ')}"
    index, moved = _moved(what, now["histogram"], [old["histogram"] for old in before])
    said = "".join(moved)
    if not said and clearly_differ(given, earlier):
        said = f"The model gave {name.replace('_', ' ')} to {given.rate:.1%} of the segments, in the nights before to {earlier.rate:.1%}."
    return Drift(name, given.rate, now["mean"], index, said)


def _moved(what: str, now: Sequence[int], before: Sequence[Sequence[int]]) -> tuple[float | None, list[str]]:
    """The stability index, and a sentence where it is high and n is not too small to tell."""
    earlier = _sum(before)
    index = stability(now, earlier)
    if index is None or index < MOVED_A_LITTLE or not more_than_chance(index, now, earlier):
        return index, []
    how = "look quite different from" if index >= MOVED else "differ a little from"
    return index, [f"{what[0].upper()}{what[1:]} {how} the nights before (stability index {index:.2f})."]


def _inputs(facts: dict[str, Any], before: Sequence[dict[str, Any]]) -> list[str]:
    """What moved in the calls themselves, not in the model's answers."""
    segments = sum(old["segments"] for old in before)
    if not segments:
        return []
    said = []
    length = sum((old["text_length"] or 0) * old["segments"] for old in before) / segments
    if length and abs((facts["text_length"] or 0) - length) > WORDS_MOVED * length:
        said.append(
            f"Segments hold {facts['text_length']:.0f} characters, in the nights before {length:.0f}: did the transcription change?"
        )
    other = sum((old["other_share"] or 0) * old["segments"] for old in before) / segments
    if abs((facts["other_share"] or 0) - other) > SHARE_MOVED:
        said.append(
            f"{facts['other_share']:.1%} of the segments have an unknown speaker, in the nights before {other:.1%}: see the config."
        )
    return said


def _sum(histograms: Sequence[Sequence[int]]) -> list[int]:
    return [sum(bins) for bins in zip(*histograms, strict=True)]

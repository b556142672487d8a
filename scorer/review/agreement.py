"""How far do model and reviewers agree, and reviewers among each other? With intervals, and n beside every number."""

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import krippendorff
import numpy as np
import numpy.typing as npt

from scorer.records import Tally
from scorer.review.sample import FLAGGED
from scorer.review.shrink import COVERED, Shrunk, shrink
from scorer.review.truth import Judged, Place, judged_labels, whole_calls
from scorer.review.verdicts import current_verdicts, rulings

Array = npt.NDArray[np.float64]
DRAWS = 400  # of the bootstrap, by call
ENOUGH_CALLS, ENOUGH_CASES = 10, 20  # below, a number says too little


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number with its 90 % interval and what it rests on; `value` is None where it cannot be worked out."""

    value: float | None
    low: float | None
    high: float | None
    calls: int
    cases: int  # segments or pairs that the number counts

    @property
    def enough(self) -> bool:
        """Whether n is large enough to tell."""
        return self.value is not None and self.calls >= ENOUGH_CALLS and self.cases >= ENOUGH_CASES


@dataclass(frozen=True, slots=True)
class LabelAgreement:
    """One label: the model against people, and people among each other."""

    label: str
    precision: Estimate  # of what the model gave and people judged
    recall: Estimate  # of what people found in calls read whole, each weighted for the calls of its stratum
    kappa: Estimate
    alpha: Estimate


@dataclass(frozen=True, slots=True)
class FlagAgreement:
    """One rule: how many of its judged flags people agree with."""

    rule: str
    agreed: Shrunk


def flag_agreement(connection: sqlite3.Connection) -> list[FlagAgreement]:
    """Precision of every rule whose flags somebody judged; each person's word on each flag counts once."""
    tallies: dict[str, Tally] = {}
    for verdict in current_verdicts(connection):
        if verdict.subject.kind == "flag" and verdict.answer in ("yes", "no"):
            rule = verdict.subject.name
            tallies[rule] = tallies.get(rule, Tally()) + Tally(int(verdict.answer == "yes"), 1)
    rates = {rule: shrink(tally) for rule, tally in sorted(tallies.items())}
    return [FlagAgreement(rule, rate) for rule, rate in rates.items() if rate]


def label_agreement(connection: sqlite3.Connection, *, seed: int) -> list[LabelAgreement]:
    """Every label that somebody judged, by name. The same verdicts and seed give the same intervals."""
    verdicts = current_verdicts(connection)
    judged, whole = judged_labels(verdicts, rulings(connection)), whole_calls(verdicts)
    weights = call_weights(connection, whole)
    by_label: dict[str, dict[Place, Judged]] = {}
    for place, found in judged.items():
        by_label.setdefault(place[2], {})[place] = found
    return [_label(name, places, whole=whole, weights=weights, seed=seed) for name, places in sorted(by_label.items())]


def call_weights(connection: sqlite3.Connection, whole: set[int]) -> dict[int, float]:
    """For each call read whole, how many calls of its stratum (night, flagged or band and doubt) it stands for."""
    sizes = {
        (run, stratum): count for run, stratum, count in connection.execute("select run_id, stratum, count(*) from call group by 1, 2")
    }
    places = {number: (run, stratum) for number, run, stratum in _places(connection, whole)}
    read: dict[tuple[str, str], int] = {}
    for place in places.values():
        read[place] = read.get(place, 0) + 1
    return {number: sizes[place] / read[place] for number, place in places.items()}


def coverage(connection: sqlite3.Connection) -> list[tuple[str, int, int]]:
    """Stratum, calls in it and calls read whole, over all nights, flagged ones first."""
    whole = whole_calls(current_verdicts(connection))
    read = [stratum for _, _, stratum in _places(connection, whole)]
    rows = connection.execute("select stratum, count(*) from call group by stratum order by stratum <> ?, stratum", [FLAGGED])
    return [(stratum, count, read.count(stratum)) for stratum, count in rows]


def kappa_of(both: Array, model_only: Array, people_only: Array, neither: Array) -> Array:
    """Cohen's kappa of 2 x 2 counts; NaN where there is no variety. Source: Cohen 1960, doi:10.1177/001316446002000104."""
    total = both + model_only + people_only + neither
    with np.errstate(invalid="ignore", divide="ignore"):
        seen = (both + neither) / total
        chance = ((both + model_only) * (both + people_only) + (neither + model_only) * (neither + people_only)) / total**2
        return np.asarray((seen - chance) / (1 - chance))


def alpha_of(votes: Sequence[tuple[int, int]]) -> float | None:
    """Krippendorff's alpha of (no, yes) votes per segment; None where nobody shares one, or all say the same of all."""
    shared = [pair for pair in votes if sum(pair) >= 2]
    if not shared or not all(np.sum(shared, axis=0)):
        return None
    return float(krippendorff.alpha(value_counts=np.array(shared), level_of_measurement="nominal"))


def _label(name: str, places: dict[Place, Judged], *, whole: set[int], weights: dict[int, float], seed: int) -> LabelAgreement:
    every = _counts(places)
    read = {call: counts * weights[call] for call, counts in every.items() if call in whole}
    found = int(sum(every[call][0] + every[call][2] for call in read))
    segments = int(sum(every[call].sum() for call in read))
    given = int(sum(counts[0] + counts[1] for counts in every.values()))
    return LabelAgreement(
        label=name,
        precision=_bootstrap(every, lambda c: _share(c[:, 0], c[:, 0] + c[:, 1]), cases=given, seed=seed),
        recall=_bootstrap(read, lambda c: _share(c[:, 0], c[:, 0] + c[:, 2]), cases=found, seed=seed),
        kappa=_bootstrap(read, lambda c: kappa_of(*c.T), cases=segments if found else 0, seed=seed),
        alpha=_alpha(places, seed=seed),
    )


def _counts(places: dict[Place, Judged]) -> dict[int, Array]:
    """Per call: both say yes, the model alone, people alone, neither."""
    found: dict[int, Array] = {}
    for (call, _, _), judged in places.items():
        if judged.truth is not None:
            at = (0 if judged.truth else 1) if judged.machine else (2 if judged.truth else 3)
            found.setdefault(call, np.zeros(4))[at] += 1
    return found


def _share(part: Array, whole: Array) -> Array:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(part / whole)


def _bootstrap(counts: dict[int, Array], number: Callable[[Array], Array], *, cases: int, seed: int) -> Estimate:
    """The number over all calls, and its interval over calls drawn with replacement."""
    if not counts:
        return Estimate(None, None, None, 0, 0)
    table = np.array([counts[call] for call in sorted(counts)])
    value = number(table.sum(axis=0)[None, :])[0]
    rng = np.random.default_rng(seed)
    draws = np.array([table[rng.integers(0, len(table), len(table))].sum(axis=0) for _ in range(DRAWS)])
    return _estimate(float(value), number(draws), calls=len(counts), cases=cases)


def _alpha(places: dict[Place, Judged], *, seed: int) -> Estimate:
    by_call: dict[int, list[tuple[int, int]]] = {}
    for (call, _, _), judged in places.items():
        if len(judged.answers) >= 2:
            yes = sum(judged.answers.values())
            by_call.setdefault(call, []).append((len(judged.answers) - yes, yes))
    calls = sorted(by_call)
    value = alpha_of([pair for call in calls for pair in by_call[call]])
    rng = np.random.default_rng(seed)
    picks = [rng.integers(0, len(calls), len(calls)) for _ in range(DRAWS // 2)] if calls else []
    draws = [alpha_of([pair for at in pick for pair in by_call[calls[at]]]) for pick in picks]
    known = np.array([draw for draw in draws if draw is not None])
    return _estimate(float("nan") if value is None else value, known, calls=len(calls), cases=sum(map(len, by_call.values())))


def _estimate(value: float, draws: Array, *, calls: int, cases: int) -> Estimate:
    known = draws[~np.isnan(draws)]
    if np.isnan(value) or not len(known):
        return Estimate(None, None, None, calls, cases)
    low, high = np.quantile(known, [(1 - COVERED) / 2, (1 + COVERED) / 2])
    return Estimate(value, float(low), float(high), calls, cases)


def _places(connection: sqlite3.Connection, calls: set[int]) -> list[tuple[int, str, str]]:
    rows = connection.execute("select id, run_id, stratum from call where id in (select call from verdict where kind = 'call')")
    return [(row[0], row[1], row[2]) for row in rows if row[0] in calls]

"""What is counted from verdicts, by hand."""

import sqlite3
from pathlib import Path

import numpy as np
import pytest
from runs import BAD, GOOD, call, write_run

from scorer.review.agreement import alpha_of, call_weights, flag_agreement, kappa_of, label_agreement
from scorer.review.index import add_runs
from scorer.review.trends import drift, lines
from scorer.review.truth import machine_snapshot
from scorer.review.verdicts import Subject, save_verdict
from scorer.review.web import Desk


def say(database: sqlite3.Connection, number: int, segment: int, *, machine: bool, people: bool, who: str = "ana") -> None:
    answer = "yes" if people else "no"
    save_verdict(database, Subject(number, "label", segment, "apology"), answer, who=who, machine={"given": machine})  # type: ignore[arg-type]


def read_whole(database: sqlite3.Connection, number: int) -> None:
    shown = {"given": True, "segments": machine_snapshot([[], []], [[], []])}
    save_verdict(database, Subject(number, "call"), "yes", who="ana", machine=shown)


def test_kappa_of_the_textbook_table() -> None:
    # 20 both yes, 5 and 10 split, 15 both no: agreement 0.7, chance 0.5, so 0.2 / 0.5
    assert kappa_of(*(np.array([n]) for n in (20.0, 5.0, 10.0, 15.0)))[0] == pytest.approx(0.4)
    assert np.isnan(kappa_of(*(np.array([n]) for n in (0.0, 0.0, 0.0, 9.0)))[0])


def test_alpha_by_hand() -> None:
    # ten pairs of answers, two of which differ: of 20 answers 10 are no and 10 are yes;
    # observed disagreement 4 / 20, expected 2 x 10 x 10 / (20 x 19)
    votes = [(2, 0)] * 4 + [(0, 2)] * 4 + [(1, 1)] * 2
    assert alpha_of(votes) == pytest.approx(1 - (4 / 20) / (2 * 10 * 10 / (20 * 19)))
    assert alpha_of([(1, 0), (0, 1)]) is None  # nobody shares a segment
    assert alpha_of([(2, 0)] * 5) is None  # no variety


def test_recall_weighs_each_call_for_those_that_nobody_read(database: sqlite3.Connection) -> None:
    # call 1 is flagged and alone in its stratum; calls 2, 3, 4 are one stratum, of which one is read: it stands for three
    say(database, 1, 0, machine=True, people=True)
    read_whole(database, 1)
    say(database, 2, 0, machine=False, people=True)
    read_whole(database, 2)

    (found,) = label_agreement(database, seed=1)

    assert call_weights(database, {1, 2}) == {1: 1.0, 2: 3.0}
    assert found.recall.value == pytest.approx(1 / 4) and (found.recall.calls, found.recall.cases) == (2, 2)
    assert found.precision.value == 1.0 and not found.precision.enough


def test_precision_is_of_what_people_judged(database: sqlite3.Connection) -> None:
    for segment, people in enumerate([True, True, True, False]):
        say(database, 1, segment, machine=True, people=people)
    save_verdict(database, Subject(1, "flag", -1, "low_score"), "yes", who="ana", machine={"given": True})
    save_verdict(database, Subject(1, "flag", -1, "low_score"), "no", who="li", machine={"given": True})

    (found,) = label_agreement(database, seed=1)
    (flag,) = flag_agreement(database)

    assert found.precision.value == pytest.approx(0.75) and found.precision.cases == 4
    assert found.recall.value is None and found.alpha.value is None
    assert (flag.rule, flag.agreed.tally.hits, flag.agreed.tally.chances) == ("low_score", 1, 2)


def test_trends_say_what_moved_and_only_that(desk: Desk, database: sqlite3.Connection, tmp_path: Path) -> None:
    same = write_run(tmp_path / "2", [call(f"a{n}", *GOOD) for n in range(12)] + [call(f"b{n}", *BAD) for n in range(4)], run_id="run-2")
    odd = [call(f"c{n}", *BAD, "other", "other", "other", texts=dict.fromkeys(range(9), "x" * 90)) for n in range(60)]
    add_runs(database, [same, write_run(tmp_path / "3", odd, run_id="run-3")], sample=0, seed=1)

    last, second, first = drift(database)

    assert first.said == () and second.said == ()
    said = " ".join(last.said)
    assert "Segments hold 90 characters, in the nights before 7: did the transcription change?" in said
    assert "33.3% of the segments have an unknown speaker" in said
    assert "The scores look quite different" in said and "probabilities of retention pushiness look quite different" in said


def test_lines_have_a_point_per_night_and_none_without_a_chance(database: sqlite3.Connection, tmp_path: Path) -> None:
    add_runs(database, [write_run(tmp_path / "2", [call("q", "agent", "agent", "customer")], run_id="run-2")], sample=0, seed=1)

    found = lines(database, team="north")
    by_name = {line.behaviour: line.points for line in found}

    apology = by_name["apology"][0]
    assert apology is not None and (apology.tally.hits, apology.tally.chances) == (3, 4)
    assert by_name["apology"][1] is None
    wanted = {"interruption": False, "retention_pushiness": False, "ownership": True, "apology": True}  # in the rubric's order
    assert list(wanted.items()) == [(line.behaviour, line.wanted) for line in found]
    assert all(point is None for line in lines(database, team="nowhere") for point in line.points)

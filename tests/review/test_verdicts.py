"""What people said is never lost and never changed."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from runs import BAD, GOOD, call, small_run, write_run

from scorer.errors import ReviewError
from scorer.review.disputes import decide, list_disputes, open_dispute
from scorer.review.index import add_runs, forget_run
from scorer.review.sample import draw, strata
from scorer.review.store import opened, prepare
from scorer.review.trends import drift, nights
from scorer.review.truth import judged_labels, machine_snapshot
from scorer.review.verdicts import Subject, current_verdicts, history, rulings, save_verdict
from scorer.review.web import Desk
from scorer.review.worklist import Count, Filters, choices, list_calls, neighbours

LABEL = Subject(1, "label", 1, "interruption")
FLAG = Subject(1, "flag", -1, "low_score")
WHOLE = Subject(2, "call")
SAID = {"given": True, "probability": 0.8}


def state(database: sqlite3.Connection, number: int = 1) -> str:
    return str(database.execute("select state from call where id = ?", [number]).fetchone()[0])


def test_a_later_verdict_supersedes_and_the_earlier_one_stays(database: sqlite3.Connection) -> None:
    first = save_verdict(database, LABEL, "yes", who="ana", machine=SAID, note="clear")
    second = save_verdict(database, LABEL, "no", who="ana", machine=SAID)

    (current,) = current_verdicts(database)
    assert (current.answer, current.supersedes) == ("no", first)
    assert [(v.id, v.answer, v.note, dict(v.machine)) for v in history(database, 1)] == [
        (first, "yes", "clear", SAID),
        (second, "no", "", SAID),
    ]


@pytest.mark.parametrize(
    "change", ["update verdict set answer = 'no'", "delete from verdict", "insert or replace into verdict select * from verdict"]
)
def test_the_database_itself_refuses_to_change_a_verdict(database: sqlite3.Connection, change: str) -> None:
    save_verdict(database, LABEL, "yes", who="ana", machine=SAID)

    with pytest.raises(sqlite3.IntegrityError):
        database.execute(change)
    assert [v.answer for v in history(database, 1)] == ["yes"]


def test_two_people_at_the_same_moment_both_stay(desk: Desk) -> None:
    together = threading.Barrier(8)

    def speak(who: str) -> None:
        with opened(desk.db) as connection:
            together.wait()
            for answer in ("yes", "no", "yes"):
                save_verdict(connection, LABEL, answer, who=who, machine=SAID)  # type: ignore[arg-type]

    threads = [threading.Thread(target=speak, args=(f"p{n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    with opened(desk.db) as connection:
        assert len(history(connection, 1)) == 24
        assert {(v.who, v.answer) for v in current_verdicts(connection)} == {(f"p{n}", "yes") for n in range(8)}


SAVING = """
import sys
from pathlib import Path
from scorer.review.store import opened
from scorer.review.verdicts import Subject, save_verdict
with opened(Path(sys.argv[1])) as connection:
    for n in range(100000):
        save_verdict(connection, Subject(1, "label", 1, "interruption"), "yes", who="ana", note=str(n), machine={"given": True})
        print(n, flush=True)
"""


def test_what_was_answered_survives_kill_9_in_the_middle_of_a_save(desk: Desk) -> None:
    child = subprocess.Popen([sys.executable, "-c", SAVING, str(desk.db)], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    told = [child.stdout.readline() for _ in range(40)]
    os.kill(child.pid, signal.SIGKILL)
    told += child.stdout.readlines()
    child.wait()
    child.stdout.close()

    with opened(desk.db) as connection:
        notes = [v.note for v in history(connection, 1)]
        assert connection.execute("pragma integrity_check").fetchone()[0] == "ok"
        save_verdict(connection, LABEL, "no", who="ana", machine=SAID)  # and goes on
    assert notes[: len(told)] == [line.strip() for line in told] and len(notes) <= len(told) + 1


def test_the_state_of_a_call_follows_what_was_said(database: sqlite3.Connection) -> None:
    rules = [rule for (rule,) in database.execute("select rule from flag where call = 1")]
    assert state(database) == "open"
    save_verdict(database, LABEL, "yes", who="ana", machine=SAID)
    assert state(database) == "begun"
    for rule in rules:
        save_verdict(database, Subject(1, "flag", -1, rule), "no", who="ana", machine=SAID)
    assert state(database) == "done"
    save_verdict(database, WHOLE, "yes", who="ana", machine={"segments": []})
    assert state(database, 2) == "done"
    save_verdict(database, WHOLE, "withdrawn", who="ana", machine={"segments": []})
    assert state(database, 2) == "open"


def test_the_most_people_decide_and_a_draw_decides_nothing(database: sqlite3.Connection) -> None:
    save_verdict(database, LABEL, "yes", who="ana", machine=SAID)
    save_verdict(database, LABEL, "no", who="li", machine=SAID)
    save_verdict(database, LABEL, "unsure", who="jo", machine=SAID)
    place = (1, 1, "interruption")

    assert judged_labels(current_verdicts(database), rulings(database))[place].truth is None
    save_verdict(database, LABEL, "no", who="jo", machine=SAID)
    assert judged_labels(current_verdicts(database), rulings(database))[place].truth is False


def test_confirming_a_whole_call_confirms_what_was_shown_where_nothing_else_was_said(database: sqlite3.Connection) -> None:
    shown = {"given": True, "segments": machine_snapshot([["apology", "ownership"], ["apology"]], [["apology"], []])}
    save_verdict(database, Subject(2, "label", 0, "ownership"), "yes", who="ana", machine={"given": False})
    save_verdict(database, Subject(2, "label", 1, "apology"), "unsure", who="ana", machine={"given": False})
    save_verdict(database, WHOLE, "yes", who="ana", machine=shown)

    truth = {place[1:]: judged.truth for place, judged in judged_labels(current_verdicts(database), rulings(database)).items()}

    assert truth == {(0, "apology"): True, (0, "ownership"): True}


def test_a_dispute_is_decided_by_somebody_else_and_the_decision_counts(database: sqlite3.Connection) -> None:
    for who in ("ana", "li"):
        save_verdict(database, LABEL, "yes", who=who, machine=SAID)
    number = open_dispute(database, LABEL, who="ana", agent_side="the line broke", machine=SAID)
    assert state(database) == "disputed"

    with pytest.raises(ReviewError, match="somebody else"):
        decide(database, number, "overturned", who="ana", note="")
    with pytest.raises(ReviewError, match="disputed already"):
        open_dispute(database, LABEL, who="li", agent_side="again", machine=SAID)
    decide(database, number, "overturned", who="jo", note="it did")

    (dispute,) = list_disputes(database)
    assert (dispute.standing, dispute.outcome, dispute.ruled_by, dispute.ruling) == ("yes", "overturned", "jo", "it did")
    assert judged_labels(current_verdicts(database), rulings(database))[1, 1, "interruption"].truth is False
    assert state(database) == "begun"
    with pytest.raises(ReviewError, match="no open dispute"):
        decide(database, number, "upheld", who="pat", note="")


@pytest.mark.parametrize("subject", [FLAG, LABEL])
@pytest.mark.parametrize(
    ("answers", "standing"), [("", "yes"), ("no yes no yes no", "no"), ("no no yes", "no"), ("no yes", "yes"), ("unsure no", "no")]
)
def test_what_a_dispute_is_about_is_what_most_people_say(
    database: sqlite3.Connection, subject: Subject, answers: str, standing: str
) -> None:
    for number, answer in enumerate(answers.split()):
        save_verdict(database, subject, answer, who=f"p{number}", machine=SAID)  # type: ignore[arg-type]

    number = open_dispute(database, subject, who="ana", agent_side="no", machine=SAID)

    assert list_disputes(database)[0].standing == standing
    decide(database, number, "overturned", who="jo", note="")
    for who in ("ana", "bo"):
        save_verdict(database, subject, standing, who=who, machine=SAID)  # type: ignore[arg-type]
    open_dispute(database, subject, who="ana", agent_side="again", machine=SAID)
    assert list_disputes(database)[0].standing == {"yes": "no", "no": "yes"}[standing]


def test_whoever_confirmed_the_whole_call_has_judged_its_labels(database: sqlite3.Connection) -> None:
    save_verdict(database, Subject(1, "call"), "yes", who="bo", machine={"given": True, "segments": []})
    number = open_dispute(database, LABEL, who="ana", agent_side="the line broke", machine=SAID)
    flag = open_dispute(database, FLAG, who="ana", agent_side="no", machine=SAID)

    with pytest.raises(ReviewError, match="somebody else"):
        decide(database, number, "upheld", who="bo", note="")
    decide(database, flag, "upheld", who="bo", note="")  # reading a call says nothing of its flags


def test_a_ruling_holds_whatever_its_author_says_afterwards_until_there_is_another(database: sqlite3.Connection) -> None:
    def truth() -> bool | None:
        return judged_labels(current_verdicts(database), rulings(database))[1, 1, "interruption"].truth

    for who in ("ana", "cy"):
        save_verdict(database, LABEL, "yes", who=who, machine=SAID)
    decide(database, open_dispute(database, LABEL, who="ana", agent_side="no", machine=SAID), "overturned", who="bo", note="")
    for answer in ("unsure", "yes", "withdrawn"):
        save_verdict(database, LABEL, answer, who="bo", machine=SAID)  # type: ignore[arg-type]
        assert truth() is False
    number = open_dispute(database, LABEL, who="ana", agent_side="still", machine=SAID)
    assert list_disputes(database)[0].standing == "no"
    decide(database, number, "overturned", who="jo", note="")
    assert truth() is True


def test_the_queue_holds_flagged_calls_and_the_sample_worst_first(database: sqlite3.Connection) -> None:
    rows, counts = list_calls(database, Filters(), 1)

    assert counts == {"flagged": Count(1, 1), "sample": Count(2, 2)} and [row["kind"] for row in rows] == ["flagged", "sample", "sample"]
    assert rows[0]["call_id"] == "bad" and rows[0]["flags"][0]["severity"] == "warning"
    assert neighbours(database, Filters(), 1) == (None, rows[1]["id"])


@pytest.mark.parametrize(
    ("wish", "around"),
    [
        ({}, (None, "good-0")),
        ({"agent": "a2"}, (None, "good-2")),
        ({"which": "flagged"}, (None, None)),
        ({"which": "all", "agent": "a1"}, (None, "good-1")),  # in no queue
        ({"words": "WORDS 5"}, (None, "good-0")),
        ({"words": "nobody says it"}, (None, None)),
        ({"state": "done"}, (None, None)),
    ],
)
def test_the_next_call_is_the_next_one_that_was_asked_for(
    database: sqlite3.Connection, wish: dict[str, str], around: tuple[str | None, str | None]
) -> None:
    ids: dict[int | None, str | None] = {None: None, **dict(database.execute("select id, call_id from call").fetchall())}
    before, after = neighbours(database, Filters.read(wish), 1)

    assert (ids[before], ids[after]) == around


def test_what_is_done_or_forgotten_is_no_next_call(database: sqlite3.Connection) -> None:
    second = next(row["id"] for row in list_calls(database, Filters(), 1)[0] if row["call_id"] == "good-0")
    save_verdict(database, Subject(second, "call", -1, ""), "yes", who="ana", machine=SAID)

    before, after = neighbours(database, Filters(), second)
    assert before == 1 and after is not None and neighbours(database, Filters(), 1)[1] == after
    assert neighbours(database, Filters(), after)[0] == second  # back to what was just finished
    assert neighbours(database, Filters(state="done"), 1)[1] == second
    database.execute("update run set about = json_set(about, '$.forgotten', 1)")
    assert neighbours(database, Filters(which="all"), 1) == (None, None)


@pytest.mark.parametrize(
    ("wish", "found"),
    [
        ({"which": "flagged"}, ["bad"]),
        ({"which": "all", "agent": "a1"}, ["bad", "good-1"]),
        ({"which": "all", "label": "retention_pushiness"}, ["bad"]),
        ({"rule": "low_score"}, ["bad"]),
        ({"which": "all", "words": "WORDS 5"}, ["bad", "good-0", "good-1", "good-2"]),
        ({"words": "x' or 1=1 --"}, []),
        ({"words": "BAD"}, ["bad"]),  # nobody says it: it is the call's name
        ({"which": "all", "words": "GOOD-1"}, ["good-1"]),
        ({"which": "all", "words": "good"}, []),  # a word that all IDs begin with says nothing
        ({"which": "all", "words": "ood-1"}, []),
        ({"night": "2026-11-20", "team": "north", "band": "poor", "state": "open"}, ["bad"]),
        ({"night": "2026-11-21"}, []),
    ],
)
def test_filters(database: sqlite3.Connection, wish: dict[str, str], found: list[str]) -> None:
    assert [row["call_id"] for row in list_calls(database, Filters.read(wish), 1)[0]] == found


def test_a_sample_takes_turns_between_strata_and_is_the_same_for_the_same_seed() -> None:
    calls = [{"call_id": f"{band}{n}", "flags": n == 0, "band": band, "status": "scored"} for band in "xy" for n in range(10)]
    stratum_of = strata(calls, {call["call_id"]: int(call["call_id"][1:]) for call in calls})  # type: ignore[call-overload]

    drawn = draw(stratum_of, size=4, seed=3)

    assert {stratum_of[name] for name in drawn} == {"x, sure", "x, doubtful", "y, sure", "y, doubtful"}
    assert drawn == draw(stratum_of, size=4, seed=3) and len(draw(stratum_of, size=99, seed=3)) == 18


def test_a_run_is_taken_in_once(desk: Desk, database: sqlite3.Connection, tmp_path: Path) -> None:
    add_runs(database, [tmp_path / "run"], sample=2, seed=9)
    add_runs(database, [small_run(tmp_path / "second", "run-2")], sample=2, seed=9)

    assert database.execute("select count(*) from call").fetchone()[0] == 8
    assert [tuple(row) for row in database.execute("select run_id, seed from run order by 1")] == [("run-1", 1), ("run-2", 9)]


def test_a_run_that_is_forgotten_leaves_queue_and_trends_but_no_verdict(desk: Desk, database: sqlite3.Connection, tmp_path: Path) -> None:
    save_verdict(database, WHOLE, "yes", who="ana", machine={})
    add_runs(database, [small_run(tmp_path / "second", "run-2")], sample=2, seed=1)

    assert (forget_run(database, str(tmp_path / "second")), forget_run(database, "run-1")) == (0, 1)

    found, counts = list_calls(database, Filters(), 1)
    assert (found, counts, nights(database), drift(database), choices(database).nights) == ([], {}, [], [], ())
    assert [verdict.subject for verdict in current_verdicts(database)] == [WHOLE]
    with pytest.raises(ReviewError, match="run-1: the review database has no such run"):
        forget_run(database, "run-1")
    add_runs(database, [tmp_path / "run"], sample=2, seed=1)
    found, _ = list_calls(database, Filters(), 1)
    assert (found[0]["call_id"], found[0]["flags"] != [], len(nights(database))) == ("bad", True, 1)
    assert [verdict.subject for verdict in current_verdicts(database)] == [WHOLE]


def test_a_date_that_was_scored_again_is_taken_in_and_what_people_said_of_it_stays(database: sqlite3.Connection, tmp_path: Path) -> None:
    save_verdict(database, WHOLE, "yes", who="ana", machine={})
    again = write_run(tmp_path / "again", [call("bad", *GOOD), call("late", *BAD)], run_id="run-1")
    about = json.loads((again / "run.json").read_text())
    (again / "run.json").write_text(json.dumps(about | {"fingerprint": "with a late file"}))

    for _ in range(2):  # the second time there is nothing new
        add_runs(database, [again], sample=0, seed=1)

    found = {row["call_id"]: (row["kind"], row["state"]) for row in database.execute("select * from call")}
    assert found == {"bad": ("rest", "open"), "late": ("flagged", "open"), "good-0": ("sample", "done")}
    assert [row["call_id"] for row in database.execute("select call_id from flag join call on call.id = flag.call group by 1")] == ["late"]
    assert [verdict.subject for verdict in current_verdicts(database)] == [WHOLE]
    assert (
        database.execute("select sum(chances) from tally where behaviour = 'apology'").fetchone()[0]
        == about["counts"]["tallies"]["apology"]["chances"]
    )


def test_another_kind_of_file_is_no_review_database(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("not a database, and long enough to be read as one " * 40)

    with pytest.raises(ReviewError, match="cannot be used"):
        prepare(tmp_path / "x")

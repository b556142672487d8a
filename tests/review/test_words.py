"""What people said stays with the words that they said it of."""

import json
import sqlite3
from collections.abc import Sequence
from pathlib import Path

import pytest
from runs import BAD, call, write_run

from scorer.review.agreement import coverage
from scorer.review.calls import open_call
from scorer.review.disputes import decide, list_disputes, open_dispute
from scorer.review.export import labelled_rows
from scorer.review.index import add_runs
from scorer.review.store import opened, prepare
from scorer.review.truth import judged_labels
from scorer.review.verdicts import Subject, current_verdicts, history, rulings, save_verdict
from scorer.review.words import GONE, find_segment

APOLOGY = Subject(1, "label", 4, "apology")
INTERRUPTION = Subject(1, "label", 1, "interruption")
WHOLE = Subject(1, "call")
SAID = [f"words {n}" for n in range(6)]  # of call 1


def judge(database: sqlite3.Connection, subject: Subject, who: str = "ana") -> None:
    save_verdict(database, subject, "yes", who=who, machine=open_call(database, subject.call).machine(subject))


def score_again(database: sqlite3.Connection, folder: Path, said: Sequence[str], turns: Sequence[str] = BAD) -> None:
    """Take in call 1 with these words, as after a late file."""
    run = write_run(folder, [call("bad", *turns, texts=dict(enumerate(said)))])
    about = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps(about | {"fingerprint": folder.name}))
    add_runs(database, [run], sample=0, seed=1)


def exported(database: sqlite3.Connection) -> dict[str, list[str]]:
    return {s["text"]: s["labels"] for row in labelled_rows(database) if row["call_id"] == "bad" for s in row["segments"] if s["judged"]}


def test_verdicts_and_disputes_move_with_their_words(database: sqlite3.Connection, tmp_path: Path) -> None:
    judge(database, APOLOGY)
    judge(database, WHOLE, "li")
    open_dispute(database, INTERRUPTION, who="jo", agent_side="no", machine=open_call(database, 1).machine(INTERRUPTION))

    score_again(database, tmp_path / "late", ["hello", *SAID], ("agent", *BAD))

    assert exported(database) == {"words 4": ["apology"]}
    assert [d.subject.segment for d in list_disputes(database)] == [2]
    decide(database, 1, "overturned", who="pat", note="")
    save_verdict(database, Subject(1, "label", 5, "apology"), "no", who="ana", machine={"given": False})
    assert exported(database) == {"words 4": [], "words 1": []}
    assert [(v.subject, v.supersedes) for v in history(database, 1)][-1] == (Subject(1, "label", 5, "apology"), 1)
    assert sum(read for *_, read in coverage(database)) == 0  # nobody has read the call as it is now


def test_what_was_said_of_words_that_are_gone_counts_no_more_until_they_are_back(database: sqlite3.Connection, tmp_path: Path) -> None:
    judge(database, APOLOGY)
    judge(database, WHOLE)
    before = judged_labels(current_verdicts(database), rulings(database))

    score_again(database, tmp_path / "mended", [*SAID[:4], "other words", SAID[5]])

    assert (current_verdicts(database), exported(database)) == ([], {})
    assert [v.subject.segment for v in history(database, 1)] == [GONE, GONE]
    assert database.execute("select state from call where id = 1").fetchone()[0] == "open"
    score_again(database, tmp_path / "back", SAID)
    assert judged_labels(current_verdicts(database), rulings(database)) == before


@pytest.mark.parametrize(
    ("words", "segment", "said", "found"),
    [
        ("a", 0, ["a", "b"], 0),
        ("a", 0, ["b", "a"], 1),
        ("a", 0, ["b", "a*", "a*"], GONE),  # which one?
        ("a*", 0, ["b", "a"], GONE),
        ("a*", 1, ["b", "a"], 1),
        ("a", 1, ["b", "a*", "a*"], 1),
        ("a", 5, ["b"], GONE),
        ("", 0, ["b"], GONE),
    ],
)
def test_words_are_found_at_their_number_or_where_they_are_the_only_ones(words: str, segment: int, said: list[str], found: int) -> None:
    assert find_segment(words, segment, said) == found


@pytest.mark.parametrize("opened_before", [True, False])
def test_a_database_of_version_1_is_brought_up_to_date(database: sqlite3.Connection, tmp_path: Path, *, opened_before: bool) -> None:
    save_verdict(database, APOLOGY, "yes", who="ana", machine={"given": True})  # without a word of what it is about
    for thing in ("view current", "view stated", "table place", "index verdict_by"):
        database.execute(f"drop {thing}")
    database.execute("create view current as select * from verdict")
    database.execute("create index verdict_subject on verdict(call, kind, segment, subject, who, id)")
    database.execute("pragma user_version = 1")

    prepare(tmp_path / "reviews.sqlite")

    with opened(tmp_path / "reviews.sqlite") as again:
        assert exported(again) == {"words 4": ["apology"]}
        if opened_before:
            add_runs(again, [tmp_path / "run"], sample=2, seed=1)
        score_again(again, tmp_path / "late", ["hello", *SAID], ("agent", *BAD))
        assert exported(again) == ({"words 4": ["apology"]} if opened_before else {}) and len(history(again, 1)) == 1

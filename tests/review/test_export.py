"""What leaves the database is what people said, in forms that others read."""

import csv
import io
import json
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from runs import BAD, call, small_run, write_run
from typer.testing import CliRunner

from scorer.cli import app
from scorer.errors import ReviewError
from scorer.labels import names, read_labels
from scorer.review.calls import open_call
from scorer.review.export import export_labelled, labelled_rows, safe_cell, verdict_table
from scorer.review.index import add_runs
from scorer.review.label_studio import import_annotations, labelling_config, tasks
from scorer.review.store import prepare
from scorer.review.truth import judged_labels
from scorer.review.verdicts import Answer, Subject, current_verdicts, rulings, save_verdict
from scorer.training.corpus import read_corpus
from scorer.training.examples import IGNORED, targets

LABELS = read_labels(Path(__file__).parents[2] / "models/labels.json")


def judge(database: sqlite3.Connection, subject: Subject, answer: Answer, who: str = "ana", note: str = "") -> None:
    save_verdict(database, subject, answer, who=who, note=note, machine=open_call(database, subject.call).machine(subject))


def test_only_what_people_confirmed_is_exported_and_training_reads_just_that(database: sqlite3.Connection, tmp_path: Path) -> None:
    judge(database, Subject(1, "label", 1, "interruption"), "no")
    judge(database, Subject(1, "label", 4, "apology"), "yes")
    judge(database, Subject(1, "label", 3, "retention_pushiness"), "unsure")

    path, calls = export_labelled(database, tmp_path / "verdicts")

    assert calls == 1
    (row,) = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    said = [(s["labels"], s["judged"]) for s in row["segments"]]
    assert said == [(None, []), ([], ["interruption"]), (None, []), (None, []), (["apology"], ["apology"]), (None, [])]
    (labelled,) = read_corpus([tmp_path / "verdicts"], names(LABELS))
    wanted = [dict(zip(names(LABELS), row, strict=True)) for row in targets(labelled, LABELS)]
    known = {(at, name): target for at, row in enumerate(wanted) for name, target in row.items() if target != IGNORED}
    assert known == {(1, "interruption"): 0.0, (4, "apology"): 1.0}  # not the machine's problem, exit_request, pushiness


def test_a_call_confirmed_whole_is_judged_whole(database: sqlite3.Connection) -> None:
    judge(database, Subject(1, "call"), "yes")

    (row,) = labelled_rows(database)

    assert [s["labels"] for s in row["segments"]][:3] == [["problem"], ["interruption"], ["exit_request"]]
    assert all(len(s["judged"]) == (2 if s["speaker"] == "customer" else 5) for s in row["segments"])


def test_the_same_call_of_two_nights_comes_once_and_contradictions_not_at_all(database: sqlite3.Connection, tmp_path: Path) -> None:
    add_runs(database, [small_run(tmp_path / "again", "run-2")], sample=0, seed=1)
    add_runs(database, [write_run(tmp_path / "else", [call("bad", *BAD, texts={0: "other words"})], run_id="run-3")], sample=0, seed=1)
    again, other = (
        database.execute("select id from call where call_id = 'bad' and run_id = ?", [r]).fetchone()[0] for r in ("run-2", "run-3")
    )
    for number in (1, again, other):
        judge(database, Subject(number, "label", 1, "interruption"), "yes" if number == 1 else "no")
        judge(database, Subject(number, "label", 1, "apology"), "no")

    rows = {row["call_id"]: row["segments"][1]["judged"] for row in labelled_rows(database)}

    assert rows == {"bad": ["apology"], "bad@run-3": ["apology", "interruption"]}


@pytest.mark.parametrize("nights", [("no", "yes", "no"), ("no", "no", "yes"), ("yes", "no", "no")])
def test_what_nights_contradict_each_other_on_does_not_depend_on_their_order(
    database: sqlite3.Connection, tmp_path: Path, nights: tuple[Answer, ...]
) -> None:
    add_runs(database, [small_run(tmp_path / f"run{n}", f"run-{n}") for n in (2, 3)], sample=0, seed=1)
    numbers = [number for (number,) in database.execute("select id from call where call_id = 'bad' order by run_id")]
    for number, answer in zip(numbers, nights, strict=True):
        judge(database, Subject(number, "label", 1, "interruption"), answer)

    assert list(labelled_rows(database)) == []


def test_calls_that_cannot_be_read_as_they_were_judged_are_left_out_and_named(database: sqlite3.Connection, tmp_path: Path) -> None:
    for n in (2, 3, 4):
        add_runs(database, [small_run(tmp_path / f"run{n}", f"run-{n}")], sample=0, seed=1)
    for number in (1, 2, 6, 10, 14):
        judge(database, Subject(number, "label", 3, "deflection"), "yes")
    shutil.rmtree(tmp_path / "run")
    about = json.loads((tmp_path / "run2/run.json").read_text())
    (tmp_path / "run2/run.json").write_text(json.dumps(about | {"fingerprint": "with a late file"}))

    (tmp_path / "run4/run.json").write_text("damaged")

    result = CliRunner().invoke(app, ["review", "export", str(tmp_path / "out"), "--db", str(tmp_path / "reviews.sqlite")])

    assert result.exit_code == 0 and "holds 1 labelled call;" in result.stdout
    assert f"2 calls are left out: {tmp_path}/run is gone" in result.stderr
    assert f"1 call is left out: {tmp_path}/run2 was scored again" in result.stderr
    assert f"1 call is left out: {tmp_path}/run4/run.json: cannot be read" in result.stderr
    assert {task["data"]["run_id"] for task in tasks(database, masked=True)} <= {"run-3"}


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@x", "\t=1", " =1", "\r=1", "\n=1"])
def test_a_cell_that_a_spreadsheet_would_run_is_text(cell: str) -> None:
    assert safe_cell(cell).startswith("'")


def test_the_table_holds_every_verdict_safely_and_no_words_of_calls(database: sqlite3.Connection) -> None:
    judge(database, Subject(1, "label", 1, "interruption"), "yes", note='=HYPERLINK("http://evil")', who="@ana")
    judge(database, Subject(1, "label", 1, "interruption"), "no", who="@ana")

    rows = list(csv.DictReader(io.StringIO(verdict_table(database))))

    assert [(r["answer"], r["who"], r["note"], r["supersedes"]) for r in rows] == [
        ("yes", "'@ana", '\'=HYPERLINK("http://evil")', ""),
        ("no", "'@ana", "", "1"),
    ]
    assert rows[0]["machine_given"] == "True" and rows[0]["machine_probability"] == "0.8"
    assert "words 1" not in verdict_table(database)


def annotated(database: sqlite3.Connection, *marks: tuple[int, str]) -> list[dict[str, Any]]:
    """The tasks of call 1 as Label Studio exports them, annotated with these marks."""
    (task,) = [task for task in tasks(database, masked=True) if task["data"]["call"] == 1]
    result = [{"type": "paragraphlabels", "value": {"start": str(at), "end": str(at), "paragraphlabels": [label]}} for at, label in marks]
    cancelled = {"id": 8, "was_cancelled": True, "result": [], "completed_by": 3}
    return [{**task, "annotations": [{"id": 7, "completed_by": {"id": 3, "email": "li@example.org"}, "result": result}, cancelled]}]


def test_tasks_carry_the_predictions_and_annotations_come_back_as_verdicts(database: sqlite3.Connection, tmp_path: Path) -> None:
    found = annotated(database, (0, "problem"), (4, "apology"))
    predicted = {(r["value"]["start"], r["value"]["paragraphlabels"][0]) for r in found[0]["predictions"][0]["result"]}
    assert {("0", "problem"), ("1", "interruption"), ("3", "retention_pushiness")} <= predicted
    assert '<Label value="deflection"/>' in labelling_config(database)
    (tmp_path / "ls.json").write_text(json.dumps(found))

    assert import_annotations(database, tmp_path / "ls.json") == 1
    assert import_annotations(database, tmp_path / "ls.json") == 0

    truth = {place[1:]: j.truth for place, j in judged_labels(current_verdicts(database), rulings(database)).items()}
    assert truth[0, "problem"] and truth[4, "apology"] and truth[1, "interruption"] is False and truth[3, "deflection"] is False
    assert {v.who for v in current_verdicts(database)} == {"label-studio:li@example.org"}


def test_an_annotation_of_an_earlier_transcript_is_refused(database: sqlite3.Connection, tmp_path: Path) -> None:
    found = annotated(database, (1, "apology"))
    found[0]["data"]["words"] = "others"
    (tmp_path / "ls.json").write_text(json.dumps(found))

    with pytest.raises(ReviewError, match="call number 1 was scored again"):
        import_annotations(database, tmp_path / "ls.json")


def test_the_latest_annotation_of_a_person_counts_whole(database: sqlite3.Connection, tmp_path: Path) -> None:
    def take_in(*annotations: tuple[int, str, str]) -> tuple[int, set[str]]:
        (found,) = annotated(database)
        by = found["annotations"][0]["completed_by"]
        found["annotations"] = [
            {"id": number, "updated_at": at, "completed_by": by, "result": annotated(database, (1, label))[0]["annotations"][0]["result"]}
            for number, at, label in annotations
        ]
        (tmp_path / "ls.json").write_text(json.dumps([found]))
        new = import_annotations(database, tmp_path / "ls.json")
        return new, {
            label for (_, at, label), j in judged_labels(current_verdicts(database), rulings(database)).items() if at == 1 and j.truth
        }

    assert take_in((1, "2026-11-20", "apology")) == (1, {"apology"})
    assert take_in((1, "2026-11-21", "deflection")) == (1, {"deflection"})  # the same one, corrected
    assert take_in((2, "2026-11-23", "ownership"), (1, "2026-11-22", "apology")) == (2, {"ownership"})
    assert take_in((2, "2026-11-23", "ownership"), (1, "2026-11-22", "apology")) == (0, {"ownership"})


@pytest.mark.parametrize(
    "text",
    [
        "no json",
        "{}",
        '[{"data": {}, "annotations": [{"id": 1, "result": []}]}]',
        '[{"data": {"call": 99}, "annotations": [{"id": 1, "result": []}]}]',
    ],
)
def test_what_label_studio_did_not_export_is_refused_whole(database: sqlite3.Connection, tmp_path: Path, text: str) -> None:
    (tmp_path / "ls.json").write_text(text)

    if text == "{}":
        assert import_annotations(database, tmp_path / "ls.json") == 0
    else:
        with pytest.raises(ReviewError):
            import_annotations(database, tmp_path / "ls.json")
    assert current_verdicts(database) == []


def test_an_export_of_nothing_says_so(tmp_path: Path) -> None:
    prepare(tmp_path / "reviews.sqlite")

    result = CliRunner().invoke(app, ["review", "export", str(tmp_path / "out"), "--db", str(tmp_path / "reviews.sqlite")])

    assert result.exit_code == 0 and "nobody has confirmed" in result.stderr

"""The pages on which calls are found, read and judged: queue, call, disputes."""

import json
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, HTTPException, Query, Request
from fastapi import Path as PathParameter
from starlette.responses import Response

from scorer.errors import ReviewError
from scorer.labels import Label
from scorer.records import JudgedCall
from scorer.review.callview import view_call
from scorer.review.disputes import decide, judges, list_disputes, open_dispute
from scorer.review.folders import trouble
from scorer.review.night import labels_of, rubric_of
from scorer.review.truth import machine_snapshot
from scorer.review.verdicts import NO_SEGMENT, NOTE, Answer, Kind, Subject, Verdict, current_verdicts, fallen_flags, history, save_verdict
from scorer.review.web import Database, Someone, back_to, desk_of, masked, page
from scorer.review.words import digests, whole_digest
from scorer.review.worklist import PAGE, Filters, list_calls, neighbours
from scorer.scoring.rubric import Rubric
from scorer.tables.judged import read_judged

router = APIRouter()
Number = Annotated[int, PathParameter(ge=1, le=2**53)]
Text = Annotated[str, Form(max_length=NOTE)]


def asked_for(request: Request) -> Filters:
    """What the queue was asked for: it is in the address of every page and form here, and goes along to the next."""
    return Filters.read(request.query_params)


Asked = Annotated[Filters, Depends(asked_for)]


@dataclass(frozen=True, slots=True)
class Opened:
    """A call of the database with its transcript."""

    number: int
    row: dict[str, Any]
    about: dict[str, Any]  # run.json
    judged: JudgedCall
    rubric: Rubric
    labels: tuple[Label, ...]

    def machine(self, subject: Subject) -> dict[str, Any]:
        """What the machine says of a subject. Raises ReviewError where the call has no such flag, segment or label."""
        known = {"model": self.about["model"]["sha256"], "rubric": self.about["rubric"]["sha256"]}
        predictions = self.judged.predictions
        if subject.kind == "flag" and subject.name in self.row["rules"]:
            return {"given": True, "score": self.row["score"], **known}
        if subject.kind == "label" and 0 <= subject.segment < len(predictions):
            said = predictions[subject.segment]
            if subject.name in said.probabilities:
                words = digests(self.judged.call.segments)[subject.segment]
                return {"given": subject.name in said.labels, "probability": said.probabilities[subject.name], "words": words, **known}
        if subject.kind == "call":
            carried = [said.probabilities for said in predictions]
            shown = machine_snapshot(carried, [said.labels for said in predictions])
            return {"given": True, "segments": shown, "words": whole_digest(self.judged.call.segments), **known}
        raise ReviewError("this call has no such flag, segment or label: load the page again")


@router.get("/")
def show_queue(
    request: Request, connection: Database, filters: Asked, page_number: Annotated[int, Query(alias="page", ge=1, le=100_000)] = 1
) -> Response:
    """Which calls come next."""
    rows, counts = list_calls(connection, filters, page_number, masked=masked(request))
    total = sum(count.calls for count in counts.values())
    pages = max(1, -(-total // PAGE))
    if page_number > pages:  # calls of a filter by state go while they are reviewed
        return back_to(f"/{filters.query(pages)}")
    return page(
        request,
        "queue.html",
        here="queue",
        calls=rows,
        total=total,
        counts=counts,
        filters=filters,
        choices=desk_of(request).choices,
        page_number=page_number,
        pages=pages,
    )


@router.get("/calls/{number}")
def show_call(request: Request, connection: Database, someone: Someone, filters: Asked, number: Number) -> Response:
    """One call, to be read and judged."""
    found = open_call(connection, number)
    before, after = neighbours(connection, filters, number, masked=masked(request))
    verdicts = current_verdicts(connection, [number])
    call = view_call(found.judged, found.rubric, masked=masked(request))
    mine = {_key(v): v for v in verdicts if v.who == someone.name}
    return page(
        request,
        "call.html",
        here="queue",
        number=number,
        row=found.row,
        call=call,
        times={turn.index: turn.time for turn in call.turns if turn.time},
        rubric=found.rubric,
        labels={label.name: label for label in found.labels},
        mine=mine,
        others=_others(verdicts, someone.name),
        history=[v for v in history(connection, number) if v.who == someone.name or _key(v) in mine],
        disputes=list_disputes(connection, number),
        fallen=fallen_flags(connection, [number]),
        before=before,
        after=after,
        asked=filters.query(),
    )


@router.post("/calls/{number}/verdicts")
def judge(
    connection: Database,
    someone: Someone,
    filters: Asked,
    number: Number,
    kind: Annotated[Kind, Form()],
    say: Annotated[str, Form(max_length=200)],
    segment: Annotated[int, Form()] = NO_SEGMENT,
    note: Text = "",
) -> Response:
    """Keep a verdict. `say` is the name (rule or label) and the answer, with a space between."""
    name, _, answer = say.rpartition(" ")
    subject = Subject(number, kind, segment if kind == "label" else NO_SEGMENT, name)
    found = open_call(connection, number)
    save_verdict(connection, subject, _answer(answer), who=someone.name, note=note, machine=found.machine(subject))
    return back_to(f"/calls/{number}{filters.query()}#{place(subject)}")


@router.post("/calls/{number}/disputes")
def dispute(
    connection: Database,
    someone: Someone,
    filters: Asked,
    number: Number,
    about: Annotated[str, Form(max_length=200)],
    agent_side: Text,
) -> Response:
    """Enter the agent's side. `about` is "flag RULE" or "label SEGMENT LABEL"."""
    kind, _, rest = about.partition(" ")
    segment, _, label = rest.partition(" ")
    if kind == "label" and segment.isdecimal():
        subject = Subject(number, "label", int(segment), label)
    else:
        subject = Subject(number, "flag", NO_SEGMENT, rest)
    machine = open_call(connection, number).machine(subject)
    open_dispute(connection, subject, who=someone.name, agent_side=agent_side, machine=machine)
    return back_to(f"/calls/{number}{filters.query()}#disputes")


@router.get("/disputes")
def show_disputes(request: Request, connection: Database, someone: Someone) -> Response:
    """Every dispute; those that this person may decide can be decided here."""
    found = list_disputes(connection)
    mine = {d.id for d in found if d.outcome == "open" and someone.name in judges(connection, d.subject)}
    return page(request, "disputes.html", here="disputes", disputes=found, judged_by_me=mine)


@router.post("/disputes/{number}")
def rule(connection: Database, someone: Someone, number: Number, outcome: Annotated[str, Form(max_length=20)], note: Text = "") -> Response:
    """Uphold or overturn."""
    decide(connection, number, outcome, who=someone.name, note=note)
    return back_to("/disputes")


def open_call(connection: sqlite3.Connection, number: int) -> Opened:
    """A call by its number. Raises HTTPException 404 where there is none, or its run cannot be read as it was taken in."""
    row = connection.execute(
        "select call.*, run.folder, run.night, run.about from call join run using (run_id) where call.id = ?", [number]
    ).fetchone()
    if row is None:
        raise HTTPException(404, "There is no such call.")
    if trouble(connection, row["run_id"]):  # its words name folders: not for the page
        raise HTTPException(404, "The folder of this call's run is gone or was scored again: start the app with it once more.")
    about = json.loads(row["about"])
    labels = labels_of(about)
    judged = next((judged for judged, _ in read_judged(Path(row["folder"]), labels, call_ids=[row["call_id"]])), None)
    if judged is None:
        raise HTTPException(404, "The run no longer holds this call.")
    rules = [rule for (rule,) in connection.execute("select rule from flag where call = ?", [number])]
    return Opened(number, dict(row) | {"rules": rules}, about, judged, rubric_of(about), labels)


def place(subject: Subject) -> str:
    """Where on the page of the call a subject stands."""
    if subject.kind == "label":
        return f"s{subject.segment}"
    return f"flag-{subject.name}" if subject.kind == "flag" else "whole"


def _answer(text: str) -> Answer:
    answers: dict[str, Answer] = {"yes": "yes", "no": "no", "unsure": "unsure", "withdrawn": "withdrawn"}
    if text not in answers:
        raise ReviewError("a verdict is yes, no, unsure or withdrawn: load the page again")
    return answers[text]


def _key(verdict: Verdict) -> tuple[str, int, str]:
    return verdict.subject.kind, verdict.subject.segment, verdict.subject.name


def _others(verdicts: list[Verdict], me: str) -> dict[tuple[str, int, str], list[Verdict]]:
    """What the others say, only where this person has spoken: a verdict is worth more when it is one's own."""
    mine = {_key(v) for v in verdicts if v.who == me}
    found: dict[tuple[str, int, str], list[Verdict]] = {}
    for verdict in verdicts:
        if verdict.who != me and _key(verdict) in mine:
            found.setdefault(_key(verdict), []).append(verdict)
    return found

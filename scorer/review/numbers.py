"""The pages that count: agreement, trends, and what leaves the app as files."""

import json
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import PlainTextResponse, Response

from scorer.review import trends
from scorer.review.agreement import coverage, flag_agreement, label_agreement
from scorer.review.export import labelled_rows, left_out, verdict_table
from scorer.review.label_studio import labelling_config, tasks
from scorer.review.web import Admin, Database, desk_of, masked, page
from scorer.review.worklist import Filters

router = APIRouter()
Name = Annotated[str, Query(max_length=200)]


@router.get("/agreement")
def show_agreement(request: Request, connection: Database) -> Response:
    """Model against reviewers, reviewers against each other."""
    labels = label_agreement(connection, seed=desk_of(request).seed)
    return page(
        request,
        "agreement.html",
        here="agreement",
        flags=flag_agreement(connection),
        reasons=dict(connection.execute("select rule, reason from flag order by call").fetchall()),
        labels=labels,
        coverage=coverage(connection),
    )


@router.get("/trends")
def show_trends(request: Request, connection: Database, team: Name = "", agent: Name = "") -> Response:
    """Teams, agents and the model over the nights."""
    return page(
        request,
        "trends.html",
        here="trends",
        team=team,
        agent=agent,
        calls=Filters(which="all", team=team, agent=agent).query(),
        choices=desk_of(request).choices,
        nights=trends.nights(connection),
        lines=trends.lines(connection, team=team, agent=agent),
        drift=trends.drift(connection),
    )


@router.get("/export")
def show_export(request: Request, connection: Database, admin: Admin) -> Response:
    """What leaves the app, and what for."""
    counts = connection.execute("select count(*), count(distinct call), count(distinct who) from verdict").fetchone()
    return page(request, "export.html", here="export", verdicts=counts[0], calls=counts[1], people=counts[2], left_out=left_out(connection))


@router.get("/export/verdicts.csv")
def get_verdicts(connection: Database, admin: Admin) -> Response:
    """Every verdict as a table."""
    return _file(verdict_table(connection), "verdicts.csv", "text/csv")


@router.get("/export/verdicts.jsonl")
def get_labelled(connection: Database, admin: Admin) -> Response:
    """Labelled calls to learn from."""
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in labelled_rows(connection))
    return _file(lines, "verdicts.jsonl", "application/jsonl")


@router.get("/export/label-studio.json")
def get_tasks(request: Request, connection: Database, admin: Admin) -> Response:
    """The calls of the queue as tasks for Label Studio."""
    return _file(json.dumps(tasks(connection, masked=masked(request)), ensure_ascii=False), "label-studio.json", "application/json")


@router.get("/export/label-studio.xml")
def get_labelling_config(connection: Database, admin: Admin) -> Response:
    """The labelling interface for the tasks."""
    return _file(labelling_config(connection), "label-studio.xml", "application/xml")


def _file(content: str, name: str, kind: str) -> Response:
    return PlainTextResponse(content, media_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'})

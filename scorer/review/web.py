"""What do all pages of the app share? The open database, who asks, and the frame around each page."""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from fastapi import Depends, HTTPException, Request
from starlette.responses import HTMLResponse, RedirectResponse

from scorer.review.accounts import any_account
from scorer.review.render import render
from scorer.review.security import Person, csrf_token
from scorer.review.store import opened
from scorer.review.worklist import Choices


@dataclass(frozen=True, slots=True)
class Desk:
    """What the app works with. `person` is who sits at the machine; empty where everybody had to log in when it started."""

    db: Path
    person: str
    choices: Choices
    seed: int


def desk_of(request: Request) -> Desk:
    """The desk of the running app."""
    found: Desk = request.app.state.desk
    return found


def local_person(request: Request) -> str:
    """Who sits at the machine; empty where everybody must log in: as soon as there is an account, also one that came just now."""
    desk = desk_of(request)
    if not desk.person:
        return ""
    with opened(desk.db) as connection:
        return "" if any_account(connection) else desk.person


def database(request: Request) -> Iterator[sqlite3.Connection]:
    """A connection for one request."""
    with opened(desk_of(request).db) as connection:
        yield connection


def person_of(request: Request) -> Person:
    """Who asks; `admit` has put them there."""
    found: Person = request.state.person
    return found


def admin_of(request: Request) -> Person:
    """Who asks, where only an admin may."""
    found = person_of(request)
    if not found.admin:
        raise HTTPException(403, "Only an admin may do this: ask one.")
    return found


Database = Annotated[sqlite3.Connection, Depends(database)]
Someone = Annotated[Person, Depends(person_of)]
Admin = Annotated[Person, Depends(admin_of)]


def masked(request: Request) -> bool:
    """Whether numbers are hidden in this session; they are, until an admin asks to see them."""
    return not request.session.get("unmasked", False)


def page(request: Request, name: str, **values: Any) -> HTMLResponse:
    """A page in the frame of the app."""
    address = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    frame = {
        "address": address,
        "person": request.state.person,
        "login": request.state.login,
        "csrf": csrf_token(request),
        "masked": masked(request),
    }
    return HTMLResponse(render(name, **frame, **values))


def back_to(path: str) -> RedirectResponse:
    """After a change: look at the result with a request of its own."""
    return RedirectResponse(path, 303)

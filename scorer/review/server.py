"""How is the review app put together and run? Loopback unless there are accounts."""

import logging
import logging.config
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware.sessions import SessionMiddleware
from starlette.responses import HTMLResponse, Response

from scorer.errors import ReviewError, ScorerError, frames
from scorer.manifest import read_run
from scorer.review import calls as call_pages
from scorer.review import entry, numbers, worklist
from scorer.review.accounts import any_account
from scorer.review.entry import admit
from scorer.review.index import add_runs
from scorer.review.render import render
from scorer.review.security import HEADERS, LOOPBACK, Border, check_form
from scorer.review.store import opened, prepare, secret
from scorer.review.web import Desk
from scorer.stopping import Stopped

SESSION_S = 12 * 3600
BROKEN = (
    "The app has a fault here. Nothing was saved that you do not see when you load the page again;"
    " whoever runs the app finds in its log where the fault is."
)
OWN_WORDS = {"Not Found": "There is no such page.", "Method Not Allowed": "This address shows no page: go back and try again."}


def open_desk(db: Path, runs: Sequence[Path], *, person: str, sample: int, seed: int) -> Desk:
    """Bring the runs into the database and look up what the pages offer."""
    for run in runs:
        read_run(run)  # raises where it is none, before there is a database
    prepare(db)
    with opened(db) as connection:
        add_runs(connection, runs, sample=sample, seed=seed)
        if not connection.execute("select 1 from run").fetchone():
            raise ReviewError(f"{db}: holds no run yet: name the folder of a finished one")
        return Desk(db, person="" if any_account(connection) else person, choices=worklist.choices(connection), seed=seed)


def create_app(desk: Desk, *, hosts: frozenset[str] = LOOPBACK, https: bool = False) -> FastAPI:
    """The app. Every route needs a person and every change a token, unless it is one of entry.OPEN."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, dependencies=[Depends(admit), Depends(check_form)])
    app.state.desk = desk
    for room in (entry, call_pages, numbers):
        app.include_router(room.router)
    with opened(desk.db) as connection:
        key = secret(connection)
    app.add_middleware(
        SessionMiddleware, secret_key=key, session_cookie="scorer_review", max_age=SESSION_S, same_site="lax", https_only=https
    )
    app.add_middleware(Border, hosts=hosts)
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(ScorerError, _refused)
    app.add_exception_handler(RequestValidationError, _refused)
    app.add_exception_handler(Exception, _broken)
    return app


def serve(desk: Desk, *, host: str, port: int, allowed: Sequence[str], ready: Callable[[str], None]) -> None:
    """Serve until interrupted; `ready` gets the address. Raises ReviewError where others could get in without an account."""
    local = host in LOOPBACK and not allowed
    if desk.person and not local:
        asked = f"--host {host}" if host not in LOOPBACK else f"--allow-host {allowed[0]}"
        raise ReviewError(f"{asked}: others could get in without an account: add one with scorer review users add NAME --db {desk.db}")
    logging.config.dictConfig(LOGGING)
    hosts = LOOPBACK | {host.lower()} | {name.lower() for name in allowed}
    config = uvicorn.Config(create_app(desk, hosts=hosts, https=not local), host=host, port=port, log_config=None, access_log=False)
    server = _Server(config)
    server.ready = lambda: ready(f"http://{host}:{port}/")
    try:
        with suppress(SystemExit):  # uvicorn leaves so where it cannot listen
            server.run()
    except Stopped:  # raised again by uvicorn once all is closed
        if not server.started:
            raise
    if not server.started:
        raise ReviewError(f"{host}:{port} cannot be listened on: choose another --port")


class _Server(uvicorn.Server):
    """Says when it listens."""

    ready: Callable[[], None]

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        if self.started:
            self.ready()


class WhereNotWhat(logging.Formatter):
    """A formatter that says where an error was raised, not what it held: that may quote a transcript."""

    def formatException(self, ei: Any) -> str:
        """The frames and the type."""
        kind, trace = ei[0], ei[2]
        return "\n".join([*frames(trace), f"  {kind.__name__}"])


LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"()": WhereNotWhat, "format": "%(asctime)s %(levelname)s %(message)s"}},
    "handlers": {"screen": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "loggers": {
        "scorer.review": {"handlers": ["screen"], "level": "INFO"},
        "uvicorn.error": {"handlers": ["screen"], "level": "WARNING"},
    },
}


async def _refused(request: Request, error: Exception) -> Response:
    """An error as a page that says what to do and echoes nothing."""
    status, said, headers = 400, "This address or form has a part that is missing or wrong: go back and try again.", None
    if isinstance(error, HTTPException):
        status, headers = error.status_code, error.headers
        said = OWN_WORDS.get(str(error.detail), str(error.detail))
    elif isinstance(error, ScorerError):
        said = str(error)
    return HTMLResponse(render("error.html", status=status, said=said), status, headers)


async def _broken(request: Request, error: Exception) -> Response:
    """A fault of ours as a page like the others. It is made outside of Border, so the headers are set here."""
    return HTMLResponse(render("error.html", status=500, said=BROKEN), 500, HEADERS)

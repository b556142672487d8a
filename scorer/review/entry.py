"""How does somebody get in and out, and what does everybody get?"""

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form, HTTPException, Request
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response

from scorer.review.accounts import LONGEST, ThrottledError, find_account, log_in
from scorer.review.render import PAGES, render
from scorer.review.security import Person, csrf_token
from scorer.review.store import opened
from scorer.review.web import Admin, Database, back_to, desk_of, local_person

OPEN = frozenset({"/login", "/static/style.css", "/static/app.css", "/static/review.js"})  # for everybody
LONGEST_QUERY = 1000  # characters: browsers drop a cookie of more than 4096, and the form's token with it
router = APIRouter()


def admit(request: Request) -> None:
    """Find out who asks; whoever has no session is shown the way in, which leads to the page they wanted."""
    if request.scope["path"] in OPEN:
        return
    local = local_person(request)
    person = Person(local, admin=True) if local else _logged_in(request)
    if person is None:
        if request.method == "GET" and not request.scope["path"].startswith("/export"):  # a page of ours, and not for admins alone
            request.session["wanted"] = request.scope["path"] + _kept_query(request)
        raise HTTPException(303, "Log in first.", {"Location": "/login"})
    request.state.person, request.state.login = person, not local


@router.get("/login")
def show_login(request: Request) -> Response:
    """The way in."""
    if local_person(request):
        return RedirectResponse("/", 303)
    return HTMLResponse(render("login.html", csrf=csrf_token(request), said=""))


@router.post("/login")
def try_login(
    request: Request,
    connection: Database,
    name: Annotated[str, Form(max_length=60)],
    password: Annotated[str, Form(max_length=LONGEST)],
) -> Response:
    """Let somebody in, or say no without saying what was wrong; many tries have to wait."""
    address = request.client.host if request.client else ""
    try:
        account = log_in(connection, name, password, address=address)
    except ThrottledError as error:
        page = render("login.html", csrf=csrf_token(request), said=str(error))
        return HTMLResponse(page, 429, {"Retry-After": str(round(error.wait_s) + 1)})
    if account is None:
        return HTMLResponse(render("login.html", csrf=csrf_token(request), said="Name or password is wrong."), 401)
    wanted = request.session.get("wanted", "/")
    request.session.clear()  # with the token of before
    request.session.update(name=account.name, since=account.changed_at)
    return back_to(wanted)


@router.post("/logout")
def log_out(request: Request) -> Response:
    """End the session."""
    request.session.clear()
    return back_to("/login")


@router.post("/masks")
def switch_masks(request: Request, admin: Admin, show: Annotated[bool, Form()] = False, back: Annotated[str, Form()] = "/") -> Response:
    """Show or hide numbers in this session, and come back to the page where that was asked."""
    request.session["unmasked"] = show
    return back_to(back if back.startswith("/") and not back.startswith("//") else "/")  # never to another site


@router.get("/static/{name}")
def static_file(name: str) -> Response:
    """Style sheets and the script; nothing else lies there."""
    if f"/static/{name}" not in OPEN:
        raise HTTPException(404, "There is no such page.")
    return FileResponse(PAGES / name)


def _kept_query(request: Request) -> str:
    """What the page was asked for, but the words somebody searched for: they say too much to be kept in a cookie."""
    kept = urlencode([(name, value) for name, value in request.query_params.multi_items() if name != "words"])
    return f"?{kept}" if kept and len(kept) <= LONGEST_QUERY else ""


def _logged_in(request: Request) -> Person | None:
    """The account of the session, unless it was removed or got another password since."""
    name = request.session.get("name")
    if not name:
        return None
    with opened(desk_of(request).db) as connection:
        account = find_account(connection, name)
    if account is None or account.changed_at != request.session.get("since"):
        return None
    return Person(account.name, admin=account.role == "admin")

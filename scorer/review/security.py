"""What is turned away before a page is made? Foreign hosts, forged forms, large bodies; and what every answer says to browsers."""

import hmac
import logging
import secrets
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from fastapi import HTTPException, Request
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_BYTES = 64 * 1024  # of a request's body: a note and a few fields
LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]"})
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
log = logging.getLogger("scorer.review")


@dataclass(frozen=True, slots=True)
class Person:
    """Who asks."""

    name: str
    admin: bool


class Border:
    """Wraps the app: checks the Host header against DNS rebinding and the size of the body, adds headers, logs one line.

    The line names the route, never the address that was asked for: that may hold words somebody searched for.
    """

    def __init__(self, app: ASGIApp, *, hosts: frozenset[str]) -> None:
        self.app = app
        self.hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started, status = time.monotonic(), 500

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        refusal = self._refusal(Headers(scope=scope))
        try:
            await (refusal or self.app)(scope, _limited(receive), answer)
        finally:
            path = getattr(scope.get("route"), "path", "-")
            log.info("%s %s %d %.0f ms", scope["method"], path, status, 1000 * (time.monotonic() - started))

    def _refusal(self, headers: Headers) -> ASGIApp | None:
        if host_name(headers.get("host", "")) not in self.hosts:
            return PlainTextResponse("This app is not served under this name: see --allow-host.", 400)
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > MOST_BYTES:
            return PlainTextResponse(f"More than {MOST_BYTES} bytes: shorten the note.", 413)
        return None


def host_name(host: str) -> str:
    """The name in a Host header, without the port."""
    name, _, port = host.rpartition(":")
    return (name if name and port.isdecimal() else host).lower()


def csrf_token(request: Request) -> str:
    """The token that every form of this session carries."""
    return str(request.session.setdefault("csrf", secrets.token_urlsafe(32)))


async def check_form(request: Request) -> None:
    """Turn away whatever changes something and does not come from a form of ours in this session."""
    if request.method in ("GET", "HEAD"):
        return
    origin = request.headers.get("origin")
    form = await request.form()
    sent, known = str(form.get("csrf", "")), str(request.session.get("csrf", ""))
    foreign = origin is not None and urlsplit(origin).netloc != request.headers.get("host")
    if foreign or not known or not hmac.compare_digest(sent.encode(), known.encode()):
        raise HTTPException(403, "This form is too old or comes from elsewhere: load the page again and send it once more.")


def _limited(receive: Receive) -> Receive:
    """The body's messages, up to the limit; for bodies that do not say their length."""
    got = 0

    async def limited() -> Message:
        nonlocal got
        message = await receive()
        got += len(message.get("body", b""))
        if got > MOST_BYTES:
            raise HTTPException(413, f"More than {MOST_BYTES} bytes: shorten the note.")
        return message

    return limited

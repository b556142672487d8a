"""An S3 server on loopback, and a proxy before it that fails as it is told."""

import http.client
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from moto.server import ThreadedMotoServer

HOP = {"connection", "transfer-encoding", "content-length", "keep-alive"}
CODES = {"500": "InternalError", "503": "SlowDown", "403": "AccessDenied", "404": "NoSuchKey"}


@dataclass
class Fault:
    """What goes wrong: an answer by its code, `slow`, `cut` (the connection, within the body of the request or of the answer)."""

    kind: str
    method: str
    path: str = ""  # part of the request's path and query
    times: int = 1
    skip: int = 0  # so many requests go through before
    seconds: float = 0.0
    before: Callable[[], object] | None = None  # done when it strikes
    struck: int = 0


@dataclass
class Store:
    """Where the proxy listens, what it shall do wrong, and what it was asked."""

    port: int
    direct: str
    faults: list[Fault] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def uri(self, path: str) -> str:
        return f"s3://{path}?scheme=http&endpoint_override=127.0.0.1:{self.port}&region=us-east-1"

    def fault(self, kind: str, method: str, path: str = "", **more: Any) -> Fault:
        self.faults.append(Fault(kind, method, path, **more))
        return self.faults[-1]

    def strikes(self, method: str, path: str) -> Fault | None:
        with self.lock:
            self.asked.append(f"{method} {path}")
            for fault in self.faults:
                if fault.method == method and fault.path in path:
                    if fault.skip:
                        fault.skip -= 1
                    elif fault.struck < fault.times:
                        fault.struck += 1
                        return fault
        return None


class Handler(BaseHTTPRequestHandler):
    """Passes requests on, or fails them."""

    protocol_version = "HTTP/1.1"
    store: Store

    def log_message(self, *_: Any) -> None:
        pass

    def _pass(self) -> None:
        fault = self.store.strikes(self.command, self.path)
        if fault and fault.before:
            fault.before()
        if fault and fault.kind == "cut" and self.command in ("PUT", "POST"):
            self.rfile.read(min(100, int(self.headers.get("Content-Length") or 100)))
            self._hang_up()
            return
        body = self._body()
        if fault and fault.kind == "slow":
            time.sleep(fault.seconds)
        if fault and fault.kind in CODES:
            self._refuse(int(fault.kind), CODES[fault.kind])
            return
        status, headers, answer = self._ask(body)
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in HOP:
                self.send_header(name, value)
        length = next((value for name, value in headers if name.lower() == "content-length"), None)
        self.send_header("Content-Length", length if self.command == "HEAD" and length else str(len(answer)))
        self.end_headers()
        if fault and fault.kind == "cut":
            self.wfile.write(answer[: len(answer) // 2])
            self._hang_up()
            return
        with suppress(ConnectionError):  # it did not wait so long
            self.wfile.write(answer)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _pass

    def _body(self) -> bytes:
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            parts = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            while self.rfile.readline().strip():
                pass
            return b"".join(parts)
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _ask(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        connection = http.client.HTTPConnection(urlsplit(self.store.direct).netloc, timeout=60)
        headers = {name: value for name, value in self.headers.items() if name.lower() not in (*HOP, "expect")}
        connection.request(self.command, self.path, body=body, headers=headers)
        with connection.getresponse() as found:
            answer = found.read()
            listed = found.getheaders()
        connection.close()
        return found.status, listed, answer

    def _refuse(self, status: int, code: str) -> None:
        answer = (
            b""
            if self.command == "HEAD"
            else f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>injected</Message></Error>".encode()
        )
        self.send_response_only(status)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def _hang_up(self) -> None:
        self.close_connection = True
        self.connection.close()


@contextmanager
def faulty_store() -> Iterator[Store]:
    """The server and the proxy, both gone in the end."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    store = Store(0, f"http://{host}:{port}")
    handler = type("Bound", (Handler,), {"store": store})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as proxy:
        proxy.daemon_threads = True
        store.port = proxy.server_port
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        yield store
        proxy.shutdown()
    server.stop()

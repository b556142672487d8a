"""A real Chromium on a running review app, for tests."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

CHROMIUM = "/usr/bin/chromium"
QUIET = ["--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
PATIENCE_MS = 60_000  # a busy machine is slow, not broken


@contextmanager
def chromium() -> Iterator[Browser]:
    """The browser; without it the test is skipped, with CI=true it fails."""
    if not Path(CHROMIUM).exists():
        if os.environ.get("CI") == "true":
            pytest.fail(f"{CHROMIUM} is missing: apt-get install chromium")
        pytest.skip(f"needs {CHROMIUM}")
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-quic", *QUIET]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments, timeout=PATIENCE_MS)
        yield browser
        browser.close()


@contextmanager
def served(db: Path, runs: Sequence[Path], *options: str) -> Iterator[str]:
    """The address of the app, started as a user starts it."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    command = [sys.executable, "-c", "from scorer.cli import main; main()", "review", *map(str, runs), "--db", str(db), "--no-browser"]
    with subprocess.Popen([*command, "--port", str(port), *options], stdout=subprocess.PIPE, text=True) as app:
        assert app.stdout is not None
        assert "the review app is at" in app.stdout.readline()
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            app.terminate()


def open_page(browser: Browser, address: str, *, width: int = 1280, dark: bool = False, scripts: bool = True) -> Page:
    """A page of the given width; errors of the page and refused scripts fail the test at the end of `no_faults`."""
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme="dark" if dark else "light", java_script_enabled=scripts
    )
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto(address)
    return page


def faults(page: Page) -> list[str]:
    """What axe finds serious, and whether the page is wider than its window."""
    found = [f"{v['id']}: {v['help']}" for v in Axe().run(page).response["violations"] if v["impact"] in ("serious", "critical")]
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return found + ([f"{wide} pixels too wide"] if wide > 0 else [])

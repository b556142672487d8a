"""Who gets in, what is turned away, and what the app says about itself."""

import logging
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from fastapi.routing import APIRoute
from runs import BAD, GOOD, call, write_run
from starlette.testclient import TestClient
from typer.testing import CliRunner

from scorer.cli import app
from scorer.errors import ReviewError, RunError
from scorer.review import accounts, calls, entry, numbers
from scorer.review.accounts import add_account, remove_account
from scorer.review.disputes import decide
from scorer.review.entry import OPEN
from scorer.review.server import LOGGING, create_app, open_desk, serve
from scorer.review.store import opened
from scorer.review.verdicts import Subject, save_verdict
from scorer.review.web import Desk

PASSWORD = "correct horse battery"


def client(desk: Desk, **options: object) -> TestClient:
    return TestClient(create_app(desk), base_url="http://127.0.0.1", follow_redirects=False, **options)  # type: ignore[arg-type]


def token(browser: TestClient, path: str = "/calls/1") -> str:
    return re.findall(r'name="csrf" value="([^"]+)"', browser.get(path).text)[0]


@pytest.fixture
def browser(desk: Desk) -> Iterator[TestClient]:
    with client(desk) as found:
        yield found


@pytest.fixture
def closed(desk: Desk) -> Iterator[TestClient]:
    """An app with accounts: ana reviews, bo is admin."""
    with opened(desk.db) as connection:
        add_account(connection, "ana", PASSWORD, "reviewer")
        add_account(connection, "bo", PASSWORD, "admin")
    with client(open_desk(desk.db, [], person="sam", sample=0, seed=1)) as found:
        yield found


def enter(browser: TestClient, name: str, password: str = PASSWORD) -> int:
    return browser.post("/login", data={"csrf": token(browser, "/login"), "name": name, "password": password}).status_code


def verdict(browser: TestClient, **form: object) -> int:
    data = {"csrf": token(browser), "kind": "label", "segment": 1, "say": "interruption yes"} | form
    return browser.post("/calls/1/verdicts", data=data).status_code


@pytest.mark.parametrize(
    ("form", "action"),
    [
        ({"kind": "label", "segment": 1, "say": "interruption yes"}, "verdicts"),
        ({"about": "label 1 interruption", "agent_side": "no"}, "disputes"),
    ],
)
def test_what_the_queue_was_asked_for_goes_along_with_an_answer(browser: TestClient, form: dict[str, object], action: str) -> None:
    asked = "which=all&team=%22%3Enorth%0D%0AX%3A1"
    page = browser.get(f"/calls/1?{asked}&unknown=x&page=7").text

    assert f'action="/calls/1/{action}?{asked.replace("&", "&amp;")}"' in page and 'href="/?which=all' in page and "unknown=" not in page
    answer = browser.post(f"/calls/1/{action}?{asked}", data={"csrf": token(browser)} | form)
    assert answer.status_code == 303 and answer.headers["location"].startswith(f"/calls/1?{asked}#")


def test_every_page_answers(browser: TestClient) -> None:
    for path in ("/", "/calls/1", "/calls/2", "/disputes", "/agreement", "/trends", "/export", "/static/review.js"):
        assert browser.get(path).status_code == 200, path


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/nothing", "There is no such page."),
        ("/calls/1/verdicts", "This address shows no page"),
        ("/export", "Nobody has given a verdict yet"),
        ("/trends?agent=a1&team=south", "There is no call of this agent and this team"),
    ],
)
def test_a_page_with_nothing_on_it_says_why(browser: TestClient, path: str, said: str) -> None:
    assert said in browser.get(path).text


def test_the_queue_says_how_many_calls_are_flagged_and_how_many_are_left(browser: TestClient) -> None:
    def said(path: str) -> str:
        return " ".join(re.sub(r"<[^>]+>", "", re.findall(r'<p role="status">(.*?)</p>', browser.get(path).text, re.S)[0]).split())

    assert said("/") == "3 calls · 1 flagged, 1 still to review · 2 in the sample, 2 still to review"
    verdict(browser, say="interruption no")  # begun is not reviewed yet
    assert said("/?which=flagged") == "1 call · 1 flagged, 1 still to review"
    verdict(browser, kind="call", say=" yes")
    assert said("/?which=all") == "4 calls · 1 flagged, none left to review · 2 in the sample, 2 still to review"
    assert said("/?state=begun") == "0 calls"


def test_a_page_behind_the_last_leads_to_the_last(browser: TestClient) -> None:
    answer = browser.get("/?which=all&page=9")

    assert answer.status_code == 303 and answer.headers["location"] == "/?which=all"
    assert 'href="/calls/1?which=all"' in browser.get(answer.headers["location"]).text


def test_an_empty_queue_says_whether_a_filter_made_it_so(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", [call("good", *GOOD)])
    with client(open_desk(tmp_path / "reviews.sqlite", [run], person="sam", sample=0, seed=1)) as browser:
        assert "Nothing was flagged and no sample drawn." in browser.get("/").text
        assert "Loosen a filter" in browser.get("/?state=done").text


def test_a_finding_is_said_in_words_with_its_place_and_the_zone_of_its_time(browser: TestClient) -> None:
    for about in ("flag low_score", "label 1 interruption"):
        browser.post("/calls/1/disputes", data={"csrf": token(browser), "about": about, "agent_side": "no"})

    disputes, page = (re.sub(r"<[^>]+>", "", browser.get(path).text) for path in ("/disputes", "/calls/1"))
    assert "Finding: a person should look at the call for low score: the score is below 50." in disputes
    assert "Finding: it is interruption at segment 1." in disputes and re.search(r"Entered by sam, \d{4}-\d\d-\d\d \d\d:\d\d UTC", disputes)
    assert re.search(r"open: it is interruption at \d+:\d\d\. “no”", page)


def test_an_agent_leads_to_their_trends_and_from_there_to_their_calls(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", [call("bad", *BAD, agent_id="Jo & Co"), call("good", *GOOD, agent_id="a2")])
    with client(open_desk(tmp_path / "reviews.sqlite", [run], person="sam", sample=0, seed=1)) as browser:
        for path in ("/", "/calls/1"):
            assert '<a href="/trends?agent=Jo%20%26%20Co">Jo &amp; Co</a>' in browser.get(path).text
        assert '<a href="/?which=all&amp;agent=Jo+%26+Co">Agent Jo &amp; Co</a>' in browser.get("/trends?agent=Jo%20%26%20Co").text

        found = browser.get("/?which=all&agent=Jo+%26+Co").text
        assert ">bad</a>" in found and ">good</a>" not in found


def test_a_flag_that_was_overturned_says_so_until_another_decision(browser: TestClient, database: sqlite3.Connection) -> None:
    said = []
    for number, outcome in enumerate(("overturned", "upheld", "overturned"), start=1):  # the second is about: nobody need look
        browser.post("/calls/1/disputes", data={"csrf": token(browser), "about": "flag low_score", "agent_side": "no"})
        decide(database, number, outcome, who=f"p{number}", note="")
        pages = [browser.get(path).text for path in ("/", "/calls/1")]
        said.append([page.count('class="tag">overturned<') for page in pages])

    assert said == [[1, 1], [1, 1], [0, 0]]


def test_what_is_asked_beside_a_segment_can_be_read_and_says_what_it_means(browser: TestClient) -> None:
    page = re.sub(r"<[^>]+>", "", browser.get("/calls/1").text)

    assert "Is this “interruption”?" in page and "Is this “retention pushiness”?" in page
    assert "The customer wants to cancel, leave, downgrade, decline an offer or end the call." in page.split("What was said")[1]


def test_a_verdict_is_saved_with_who_when_and_what_the_machine_said(browser: TestClient, database: sqlite3.Connection) -> None:
    assert verdict(browser, note="cut in") == 303

    row = dict(database.execute("select * from verdict").fetchone())
    assert (row["who"], row["answer"], row["note"], row["subject"], row["segment"]) == ("sam", "yes", "cut in", "interruption", 1)
    assert '"given": true' in row["machine"] and '"probability": 0.8' in row["machine"] and row["at"].startswith("20")
    assert 'aria-pressed="true"' in browser.get("/calls/1").text


@pytest.mark.parametrize(
    "form",
    [
        {"say": "interruption maybe"},
        {"say": "kindness yes"},
        {"segment": 99},
        {"segment": -2},
        {"segment": "x"},
        {"kind": "flag", "say": "no_such_rule yes"},
        {"kind": "other"},
        {"say": "problem yes"},  # an agent's segment cannot carry it
        {"note": "x" * 2001},
    ],
)
def test_what_fits_no_call_is_not_saved(browser: TestClient, database: sqlite3.Connection, form: dict[str, object]) -> None:
    assert verdict(browser, **form) == 400
    assert database.execute("select count(*) from verdict").fetchone()[0] == 0


def test_a_fault_of_the_app_is_a_page_that_quotes_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise KeyError("something a customer said")

    monkeypatch.setattr(calls, "list_calls", broken)
    with client(desk, raise_server_exceptions=False) as browser:
        answer = browser.get("/")

    assert answer.status_code == 500 and 'id="said">The app has a fault here.' in answer.text and "customer said" not in answer.text
    assert "script-src 'self'" in answer.headers["content-security-policy"] and answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "localhost:80:80@evil"])
def test_a_foreign_host_name_is_turned_away(browser: TestClient, host: str) -> None:
    assert browser.get("/", headers={"host": host}).status_code == 400
    assert browser.get("/", headers={"host": "localhost:8700"}).status_code == 200


def addresses(method: str) -> list[str]:
    """Every address of the app that takes the method, with 1 for each part that is left open."""
    routes = [r for room in (calls, entry, numbers) for r in room.router.routes if isinstance(r, APIRoute) and method in r.methods]
    return [re.sub(r"\{\w+\}", "1", route.path) for route in routes]


def test_every_change_needs_the_token_of_this_session(browser: TestClient, database: sqlite3.Connection, desk: Desk) -> None:
    other = client(desk)
    routes = addresses("POST")

    assert len(routes) >= 6
    for path in routes:
        for forged in ("", "x", "ü", token(other)):
            data = {"csrf": forged, "kind": "label", "segment": 1, "say": "interruption yes", "outcome": "upheld"}
            assert browser.post(path, data=data).status_code == 403, path
    good = {"csrf": token(browser), "kind": "label", "segment": 1, "say": "interruption yes"}
    assert browser.post("/calls/1/verdicts", data=good, headers={"origin": "http://evil.example"}).status_code == 403
    assert browser.post("/calls/1/verdicts", data=good, headers={"origin": "null"}).status_code == 403
    assert database.execute("select count(*) from verdict").fetchone()[0] == 0
    assert browser.get("/calls/1/verdicts").status_code == 405


def test_bodies_are_limited_also_where_they_do_not_say_their_length(browser: TestClient) -> None:
    big = b"csrf=" + b"x" * 10_000_000

    assert browser.post("/calls/1/verdicts", content=big).status_code == 413
    chunks = (big[at : at + 65536] for at in range(0, len(big), 65536))
    form = {"content-type": "application/x-www-form-urlencoded"}
    assert browser.post("/calls/1/verdicts", content=chunks, headers=form).status_code == 413


def test_answers_carry_a_policy_without_inline_script_and_are_not_kept(browser: TestClient) -> None:
    for path in ("/", "/nothing", "/static/review.js"):
        headers = browser.get(path).headers
        assert "script-src 'self'" in headers["content-security-policy"] and "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff" and headers["cache-control"] == "no-store"
    pages = Path(str(create_app.__globals__["__file__"])).parent / "pages"
    for page in pages.glob("*.html"):
        if page.name != "report.html":
            assert not re.findall(r"\son\w+=|style=|<style|<script(?! src)|javascript:|\| *safe", page.read_text(encoding="utf-8")), (
                page.name
            )


def test_transcripts_are_escaped_on_every_page(tmp_path: Path) -> None:
    nasty = "<script>alert(1)</script>\"'><svg/onload=alert(1)> {{ 7*7 }} javascript:alert(1) \u202edesrever"
    run = write_run(tmp_path / "nasty", [call(nasty, *BAD, texts=dict.fromkeys(range(6), nasty), agent_id=nasty, team=nasty)], run_id="n")
    with client(open_desk(tmp_path / "n.sqlite", [run], person=nasty, sample=1, seed=1)) as browser:
        verdict(browser, note=nasty)
        browser.post("/calls/1/disputes", data={"csrf": token(browser), "about": "flag low_score", "agent_side": nasty})
        for path in ("/", "/calls/1", "/disputes", "/trends?team=" + quote(nasty), "/?words=" + quote(nasty), "/export"):
            page = browser.get(path).text
            assert "<script>alert" not in page and "<svg/onload" not in page and "49" not in re.findall(r"\{\{ (.*?) \}\}", page), path
            assert "\u202e" not in re.sub(r'value="[^"]*"', "", page), path


@pytest.mark.parametrize(
    "address", ["/calls/..%2F..%2Fetc%2Fpasswd", "/calls/0", "/calls/-1", "/calls/99999999999999999999", "/static/..%2Fstore.py"]
)
def test_addresses_name_calls_by_number_only(browser: TestClient, address: str) -> None:
    answer = browser.get(address)

    assert answer.status_code in (400, 404) and "root:" not in answer.text and "create table" not in answer.text


def test_nobody_gets_in_without_an_account_where_there_are_accounts(closed: TestClient) -> None:
    assert len(addresses("GET")) >= 10
    for path in set(addresses("GET")) - OPEN:
        answer = closed.get(path)
        assert answer.status_code == 303 and "words 1" not in answer.text, path
    assert enter(closed, "ana", "wrong password!") == 401
    assert enter(closed, "nobody") == 401
    assert enter(closed, "ana") == 303 and closed.get("/calls/1").status_code == 200


def test_the_session_cookie_is_closed_to_scripts_and_other_sites(closed: TestClient, desk: Desk) -> None:
    cookie = closed.get("/login").headers["set-cookie"]

    assert "httponly" in cookie.lower() and "samesite=lax" in cookie.lower()
    behind_proxy = TestClient(create_app(desk, https=True), base_url="https://127.0.0.1")
    assert "secure" in behind_proxy.get("/calls/1").headers["set-cookie"].lower()


def test_a_reviewer_may_not_take_transcripts_out(closed: TestClient) -> None:
    enter(closed, "ana")
    paths = ("/export", "/export/verdicts.csv", "/export/verdicts.jsonl", "/export/label-studio.json", "/export/label-studio.xml")
    assert {closed.get(path).status_code for path in paths} == {403}
    assert closed.post("/masks", data={"csrf": token(closed), "show": "true"}).status_code == 403
    closed.post("/logout", data={"csrf": token(closed)})
    enter(closed, "bo")
    assert {closed.get(path).status_code for path in paths} == {200}


def test_an_account_counts_as_soon_as_it_is_there(browser: TestClient, database: sqlite3.Connection) -> None:
    sent = {"csrf": token(browser), "kind": "label", "segment": 1, "say": "interruption yes"}
    add_account(database, "ana", PASSWORD, "reviewer")

    assert {browser.get(path).status_code for path in ("/", "/calls/1", "/export")} == {303}
    assert browser.post("/calls/1/verdicts", data=sent).status_code == 303 and not database.execute("select * from verdict").fetchone()
    assert enter(browser, "ana") == 303 and "ana" in browser.get("/").text and browser.get("/export").status_code == 403


def test_whoever_logs_in_comes_to_the_page_they_wanted(closed: TestClient) -> None:
    def lands() -> str:
        data = {"csrf": token(closed, "/login"), "name": "ana", "password": PASSWORD}
        return closed.post("/login", data=data).headers["location"]

    closed.get("/calls/1?words=tangerine")
    closed.get("/favicon.ico")
    assert enter(closed, "ana", "wrong password!") == 401 and lands() == "/calls/1"
    closed.post("/logout", data={"csrf": token(closed)})
    assert lands() == "/"  # who logged out wanted no page
    closed.post("/logout", data={"csrf": token(closed)})
    closed.get("/?which=all&words=tangerine&team=north+%26+co%0D%0AX&page=2")
    assert lands() == "/?which=all&team=north+%26+co%0D%0AX&page=2"
    closed.post("/logout", data={"csrf": token(closed)})
    closed.get("/?team=" + "x" * 5000)
    assert lands() == "/"  # no cookie holds it
    closed.post("/logout", data={"csrf": token(closed)})
    for elsewhere in ("//elsewhere.example/x", "/%5Celsewhere.example/x", "//elsewhere.example/?team=x"):
        closed.get(f"http://localhost{elsewhere}")
        assert lands() == "/"
        closed.post("/logout", data={"csrf": token(closed)})


def test_a_session_ends_with_the_account_and_with_a_new_password(closed: TestClient, database: sqlite3.Connection) -> None:
    enter(closed, "ana")
    add_account(database, "ana", PASSWORD + "!", "reviewer")
    assert closed.get("/").status_code == 303
    enter(closed, "ana", PASSWORD + "!")
    assert closed.get("/").status_code == 200
    remove_account(database, "ana")
    assert closed.get("/").status_code == 303


def test_guessing_is_slowed_down_also_for_the_right_password(closed: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(accounts.TRIES_PER_NAME):
        assert enter(closed, "ana", "wrong password!") == 401
    answer = closed.post("/login", data={"csrf": token(closed, "/login"), "name": "ana", "password": PASSWORD})

    assert answer.status_code == 429 and int(answer.headers["retry-after"]) > 60
    assert enter(closed, "bo") == 303  # others get in
    later = time.time() + accounts.WITHIN_S + 1
    monkeypatch.setattr(accounts.time, "time", lambda: later)
    closed.post("/logout", data={"csrf": token(closed)})
    assert enter(closed, "ana") == 303


def test_passwords_are_hashed_and_not_short(closed: TestClient, database: sqlite3.Connection) -> None:
    assert all(row[0].startswith("$argon2id$") for row in database.execute("select password from account"))
    with pytest.raises(ReviewError, match="12 to"):
        add_account(database, "new", "short", "reviewer")
    with pytest.raises(ReviewError, match="a name has"):
        add_account(database, "new name\n", PASSWORD, "reviewer")


@pytest.mark.parametrize(
    ("host", "allowed", "asked"),
    [("0.0.0.0", [], "--host 0.0.0.0"), ("127.0.0.1", ["review.example"], "--allow-host review.example")],
)
def test_other_addresses_need_accounts(desk: Desk, host: str, allowed: list[str], asked: str) -> None:
    with pytest.raises(ReviewError, match=f"^{asked}: .*users add"):
        serve(desk, port=0, ready=lambda address: None, host=host, allowed=allowed)


def test_a_number_of_few_verdicts_has_no_range(desk: Desk, database: sqlite3.Connection) -> None:
    save_verdict(database, Subject(1, "label", 1, "interruption"), "yes", who="ana", machine={"given": True})

    with client(desk) as browser:
        page = browser.get("/agreement").text

    assert "<b>1.00</b>" in page and "too few to tell" in page and "1.00 to 1.00" not in page


def test_what_is_typed_about_people_and_runs_is_answered_in_a_line(desk: Desk, database: sqlite3.Connection) -> None:
    add_account(database, "ana", PASSWORD, "reviewer")

    def typed(*words: str) -> str:
        return CliRunner().invoke(app, ["review", *words, "--db", str(desk.db)]).stdout

    assert typed("users", "remove", "ana") == "ana may get in no more\n"
    assert typed("forget", "run-1") == f"run-1 is no longer in {desk.db}; scorer review RUN takes it in again\n"
    assert all(option in CliRunner().invoke(app, ["review", "--help"]).stdout for option in ("--db", "--sample", "--allow-host"))


def test_the_log_names_routes_and_never_words(browser: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    browser.get("/?words=tangerine")
    verdict(browser, note="tangerine")
    browser.get("/calls/tangerine")

    lines = [record.getMessage() for record in caplog.records if record.name.startswith(("scorer", "uvicorn"))]
    assert any(line.startswith("GET /calls/{number} ") for line in lines)
    assert "tangerine" not in " ".join(lines)


def test_an_error_in_the_log_says_where_and_not_what(capsys: pytest.CaptureFixture[str]) -> None:
    logging.config.dictConfig(LOGGING)  # type: ignore[attr-defined]
    try:
        raise KeyError("something a customer said")
    except KeyError:
        logging.getLogger("uvicorn.error").error("Exception in ASGI application\n", exc_info=True)
    finally:
        for name in LOGGING["loggers"]:  # type: ignore[attr-defined]
            logging.getLogger(name).handlers.clear()

    said = capsys.readouterr().err
    assert "KeyError" in said and "test_server.py" in said and "customer said" not in said


def test_others_are_heard_only_after_one_has_spoken(closed: TestClient) -> None:
    enter(closed, "bo")
    verdict(closed)
    closed.post("/logout", data={"csrf": token(closed)})
    enter(closed, "ana")

    assert "bo: yes" not in closed.get("/calls/1").text
    verdict(closed, say="interruption no")
    assert "bo: yes" in closed.get("/calls/1").text


def test_numbers_are_hidden_until_an_admin_asks(tmp_path: Path) -> None:
    run = write_run(tmp_path / "r", [call("c", *GOOD, texts={0: "card 4111 1111 1111 1111"})], run_id="n")
    with client(open_desk(tmp_path / "n.sqlite", [run], person="sam", sample=1, seed=1)) as browser:
        assert "[card number]" in browser.get("/calls/1").text
        browser.post("/masks", data={"csrf": token(browser), "show": "true"})
        assert "4111 1111 1111 1111" in browser.get("/calls/1").text


def test_shown_numbers_are_said_on_every_page_and_hidden_from_there(browser: TestClient) -> None:
    def switch(show: str, back: str) -> str:
        return browser.post("/masks", data={"csrf": token(browser), "show": show, "back": back}).headers["location"]

    path = "/calls/1?which=all&words=a+b"
    assert "numbers shown" not in browser.get(path).text
    assert switch("true", "/export") == "/export"
    page = browser.get(path).text
    assert "numbers shown: hide" in page and f'name="back" value="{path.replace("&", "&amp;")}"' in page
    assert switch("false", path) == path and "numbers shown" not in browser.get(path).text
    for elsewhere in ("//elsewhere.example", "https://elsewhere.example", "/\\elsewhere.example", "elsewhere"):
        assert switch("false", elsewhere) in ("/", "/%5Celsewhere.example")


def test_a_hidden_number_cannot_be_searched_digit_by_digit(tmp_path: Path) -> None:
    run = write_run(tmp_path / "r", [call("c", *GOOD, texts={0: "my card is 4111 1111 1111 1111"})], run_id="n")
    with client(open_desk(tmp_path / "n.sqlite", [run], person="sam", sample=1, seed=1)) as browser:

        def found(words: str) -> bool:
            return 'href="/calls/1?words=' in browser.get("/", params={"words": words}).text

        assert found("MY card is") and not any(found(words) for words in ("411", "4111 1", "is 4"))
        browser.post("/masks", data={"csrf": token(browser), "show": "true"})
        assert found("4111 1") and not found("4111 2")


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_app_ends_without_a_word_when_it_is_told_to(tmp_path: Path, number: signal.Signals) -> None:
    run = write_run(tmp_path / "run", [call("bad", *BAD)])
    command = [sys.executable, "-c", "from scorer.cli import main; main()", "review", run, "--db", tmp_path / "db", "--no-browser"]
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = str(found.getsockname()[1])
    with subprocess.Popen([*map(str, command), "--port", port], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as app:
        assert app.stdout is not None and "the review app is at" in app.stdout.readline()

        app.send_signal(number)

        assert app.communicate(timeout=60) == ("", "") and app.returncode == 0


def test_a_run_that_is_none_leaves_no_database(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="not a run"):
        open_desk(tmp_path / "reviews.sqlite", [tmp_path], person="ana", sample=0, seed=1)

    assert not list(tmp_path.iterdir())

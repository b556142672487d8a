"""The review app as a supervisor meets it, in a real browser."""

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from browser import chromium, faults, open_page, served
from playwright.sync_api import Browser, Page, expect
from runs import BAD, call, small_run, write_run
from test_cli import score, scorer, table
from tiny_training import tiny_config

from scorer.review.calls import open_call
from scorer.review.report import write_report
from scorer.review.store import opened
from scorer.review.verdicts import Subject, save_verdict
from scorer.training.calibrate import calibrate
from scorer.training.report import write_page
from scorer.training.train import train

pytestmark = pytest.mark.slow
MODELS = Path(__file__).parents[2] / "models"
TURNS = ["customer cancel word", "agent sorry word", "agent stay word word", "customer word", "agent stay word word", "agent word word"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run in it."""
    folder = tmp_path_factory.mktemp("review")
    small_run(folder / "run")
    return folder


@pytest.fixture(scope="module")
def address(place: Path) -> Iterator[str]:
    with served(place / "reviews.sqlite", [place / "run"], "--sample", "2") as found:
        yield found


def saved(page: Page) -> str:
    """What the page says after an answer."""
    expect(page.locator("#saved")).to_contain_text("saved:")
    return page.locator("#saved").inner_text()


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (390, True)])
def test_no_page_has_a_serious_fault_at_any_width(browser: Browser, address: str, place: Path, width: int, dark: bool) -> None:
    page = open_page(browser, address, width=width, dark=dark)
    problems = {}
    for path in ("/", "/calls/1", "/calls/2", "/disputes", "/agreement", "/trends", "/export", "/nothing"):
        page.goto(address + path)
        problems[path] = faults(page)
    page.goto(write_report(place / "run").as_uri())
    problems["report"] = faults(page)

    assert {path: found for path, found in problems.items() if found} == {}


def test_a_call_is_reviewed_by_keyboard_alone(browser: Browser, address: str, place: Path) -> None:
    page = open_page(browser, address)
    refused: list[str] = []
    page.on("console", lambda message: refused.append(message.text) if "Content Security" in message.text else None)
    page.on("pageerror", lambda error: refused.append(str(error)))
    page.keyboard.press("Tab")
    for _ in range(60):
        if page.evaluate("document.activeElement.textContent") == "bad":
            break
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**/calls/1")

    page.keyboard.press("y")
    expect(page.locator("#saved.hint")).to_have_text("go to a question first: n")
    page.keyboard.press("n")
    page.keyboard.press("y")
    assert saved(page) == 'saved: your answer "yes"'
    expect(page.locator("[data-stop]:focus")).to_have_id("flag-low_score")
    while page.evaluate("document.activeElement.id") != "s1-interruption":
        page.keyboard.press("n")
    expect(page.locator("#saved")).to_have_text("")  # it was about another question
    page.keyboard.press("x")
    expect(page.locator("#s1-interruption [aria-pressed=true]")).to_have_text("no")
    page.keyboard.press("j")
    page.keyboard.press("m")
    page.keyboard.type("typed: n y x")
    page.keyboard.press("Escape")
    page.keyboard.press("l")
    expect(page.locator("#s2 details[open]")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("w")
    expect(page.locator("#whole button:focus")).to_have_text("I have read the whole call")
    page.keyboard.press("w")
    expect(page.locator("#state")).to_have_text("done")
    page.keyboard.press("o")
    page.wait_for_url(lambda url: "/calls/1" not in url)

    with opened(place / "reviews.sqlite") as connection:
        said = [(v["kind"], v["subject"], v["answer"]) for v in connection.execute("select * from verdict order by id")]
    assert said == [("flag", "low_score", "yes"), ("label", "interruption", "no"), ("call", "", "yes")]
    assert refused == []


def test_filters_go_along_from_call_to_call_and_back(browser: Browser, tmp_path: Path) -> None:
    small_run(tmp_path / "run")
    asked = "?which=all&team=north"
    with served(tmp_path / "reviews.sqlite", [tmp_path / "run"], "--sample", "2") as address:
        page = open_page(browser, f"{address}/?agent=&{asked[1:]}")
        found = page.locator("tbody th a").all_inner_texts()
        assert len(found) == 4  # one of them is in no queue
        page.get_by_role("link", name=found[0], exact=True).click()
        page.wait_for_url(f"**/calls/*{asked}")

        for call_id in found[1:]:
            page.keyboard.press("w")
            page.keyboard.press("w")
            expect(page.locator("#state")).to_have_text("done")
            page.keyboard.press("o")
            expect(page.get_by_role("heading", level=1)).to_have_text(f"Call {call_id}")
            page.wait_for_load_state()  # before it, no key is heard
        expect(page.get_by_text("no call that fits your filters comes after this one")).to_be_visible()
        page.get_by_role("navigation", name="Calls").get_by_role("link", name="queue").click()
        page.wait_for_url(f"{address}/{asked}")


def test_a_missed_label_is_marked_by_keyboard(browser: Browser, tmp_path: Path) -> None:
    small_run(tmp_path / "run")
    with served(tmp_path / "reviews.sqlite", [tmp_path / "run"]) as address:
        page = open_page(browser, address + "/calls/1")
        page.locator("#s1").focus()
        page.keyboard.press("n")
        expect(page.locator("#s1-interruption:focus")).to_be_visible()
        page.keyboard.press("n")
        expect(page.locator("#s1 .others :focus")).to_have_count(0)  # a closed list has no stops
        page.locator("#s1").focus()
        page.keyboard.press("l")
        page.keyboard.press("n")
        focused = str(page.evaluate("document.activeElement.id"))
        assert focused.startswith("s1-")
        page.keyboard.press("y")

        expect(page.locator(f"#{focused} [aria-pressed=true]")).to_have_text("yes")
        expect(page.locator("[data-stop]:focus")).to_have_id(focused)


def test_a_whole_call_is_not_confirmed_by_one_slip(browser: Browser, tmp_path: Path) -> None:
    small_run(tmp_path / "run")
    with served(tmp_path / "reviews.sqlite", [tmp_path / "run"], "--sample", "2") as address:
        page = open_page(browser, address + "/calls/1")
        flags = page.locator(".reason").count()
        button = page.get_by_role("button", name="I have read the whole call")
        left = f"{flags} flags have no answer" if flags > 1 else "1 flag has no answer"

        def hold() -> None:
            for _ in range(3):
                page.keyboard.down("w")  # without an up: as a key that is held down
            page.keyboard.up("w")

        for press in (button.click, lambda: page.keyboard.press("w"), hold):
            press()
            expect(page.locator("#saved.hint")).to_contain_text(left)
            page.keyboard.press("p")  # whoever goes elsewhere is asked again
            expect(page.locator("#saved")).to_have_text("")
        for flag in page.locator(".reason").all():
            flag.get_by_role("button", name="no").click()
            expect(flag.locator("[aria-pressed=true]")).to_have_text("no")
        expect(page.locator("#whole [aria-pressed=true]")).to_have_count(0)
        button.click()
        expect(page.locator("#whole [aria-pressed=true]")).to_have_count(1)


def test_an_answer_leaves_what_is_being_written_elsewhere(browser: Browser, address: str) -> None:
    page = open_page(browser, address + "/calls/1")
    page.get_by_text("Enter a dispute").click()
    page.locator("[name=agent_side]").fill("I was told to")
    page.locator("#flag-low_score summary").click()
    page.locator("#note-flag-low_score").fill("ask the agent")

    page.locator("#s4-retention_pushiness button[value='retention_pushiness no']").click()

    saved(page)
    assert page.locator("[name=agent_side]").input_value() == "I was told to"
    assert page.locator("#note-flag-low_score").input_value() == "ask the agent"
    page.locator("#flag-low_score button[value='low_score no']").click()
    expect(page.locator("#flag-low_score")).to_contain_text("“ask the agent”")
    assert page.locator("#note-flag-low_score").input_value() == ""  # sent: not to go with the next answer too


def test_a_note_that_was_not_sent_is_asked_for_before_it_is_lost(browser: Browser, address: str) -> None:
    page = open_page(browser, address + "/calls/1")
    asked: list[str] = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))
    for key in ("n", "m"):
        page.keyboard.press(key)
    page.keyboard.type("you said it yourself")
    page.keyboard.press("Enter")
    expect(page.locator("#saved")).to_have_text("the note goes with your answer: y, x or u")

    with page.expect_event("dialog"):
        page.keyboard.press("o")
    assert asked == ["beforeunload"] and page.locator("#note-flag-low_score").input_value() == "you said it yourself"
    page.keyboard.press("y")
    expect(page.locator("#flag-low_score")).to_contain_text("“you said it yourself”")
    page.keyboard.press("o")
    page.wait_for_url(lambda url: "/calls/1" not in url)
    assert asked == ["beforeunload"]


def test_enter_in_a_reason_decides_no_dispute(browser: Browser, address: str) -> None:
    page = open_page(browser, address + "/calls/2")
    page.get_by_text("Enter a dispute").click()
    page.locator("[name=agent_side]").fill("that was no apology")
    page.get_by_role("button", name="Enter", exact=True).click()
    page.goto(address + "/disputes")
    page.get_by_label("Why").fill("not")
    page.get_by_label("Why").press("Enter")
    page.goto(address + "/disputes")

    expect(page.get_by_role("heading", name="good-0 · open")).to_be_visible()


def test_every_button_works_without_the_script(browser: Browser, address: str) -> None:
    page = open_page(browser, address + "/calls/1", scripts=False)

    page.locator("#s4-retention_pushiness button[value='retention_pushiness unsure']").click()

    page.wait_for_url("**/calls/1#s4")
    expect(page.locator("#s4-retention_pushiness [aria-pressed=true]")).to_have_text("unsure")


def test_a_save_that_fails_is_said(browser: Browser, address: str) -> None:
    page = open_page(browser, address + "/calls/1")
    page.context.clear_cookies()
    page.locator("#flag-low_score button[value='low_score no']").click()

    expect(page.locator("#saved")).to_contain_text("not saved: This form is too old")


def test_an_evaluation_can_be_read_in_dark_colours(browser: Browser, tmp_path: Path) -> None:
    evaluation = write_page(tmp_path, json.loads((MODELS / "default" / "evaluation.json").read_text(encoding="utf-8")))
    page = open_page(browser, evaluation.as_uri(), dark=True)
    dim = "(where) => Math.max(...getComputedStyle(document.querySelector(where)).{}.match(/\\d+/g).map(Number)) < 128"

    assert page.evaluate(dim.format("backgroundColor"), "body")
    assert page.evaluate("[...document.querySelectorAll('svg > rect')].every(back => getComputedStyle(back).fill === 'none')")
    assert not any(page.evaluate(dim.format("fill"), f"svg [{mark}]") for mark in ('fill="#000"', 'fill="#2563a8"'))
    assert faults(page) == []


def test_on_a_phone_every_page_can_be_read(browser: Browser, address: str, place: Path, tmp_path: Path) -> None:
    evaluation = write_page(tmp_path, json.loads((MODELS / "default" / "evaluation.json").read_text(encoding="utf-8")))
    page = open_page(browser, address + "/trends", width=390)
    with opened(place / "reviews.sqlite") as connection:
        save_verdict(connection, Subject(1, "flag", -1, "low_score"), "yes", who="ana", machine={"given": True})
        save_verdict(connection, Subject(1, "label", 1, "interruption"), "yes", who="ana", machine={"given": True})
    height = "Math.min(...[...document.querySelectorAll('svg text')].map(text => text.getBoundingClientRect().height))"

    scrolling = "[...document.querySelectorAll('.wide')].filter(box => box.scrollWidth > box.clientWidth).map(box => box.ariaLabel)"
    assert page.evaluate(height) >= 10
    page.goto(address)
    first = page.get_by_role("link", name="bad").bounding_box()
    assert first is not None and first["y"] < 450  # what to open first is on the first screen
    page.goto(address + "/trends")
    page.locator("details").evaluate_all("found => found.forEach(one => one.open = true)")
    assert page.evaluate(scrolling) == []
    page.goto(address + "/calls/1")
    page.locator("details").evaluate_all("found => found.forEach(one => one.open = true)")
    assert page.evaluate(scrolling) == [] and faults(page) == []
    page.goto(address + "/agreement")
    assert page.evaluate(scrolling) == []  # a table that is cut looks whole
    name = page.locator("tbody th", has_text="interruption")
    assert name.evaluate("cell => cell.getBoundingClientRect().height") < 45  # one line
    assert page.locator("svg.interval").first.evaluate("picture => picture.getBoundingClientRect().width") >= 90
    page.goto(write_report(place / "run").as_uri())
    assert page.evaluate(height) >= 10
    assert page.locator(".cards td:has(ul)").first.evaluate("cell => cell.getBoundingClientRect().width") > 300
    page.goto(evaluation.as_uri())
    assert page.evaluate(scrolling) == [] and page.evaluate(height) >= 10
    assert faults(page) == []


def test_on_paper_no_cell_of_an_evaluation_holds_larger_letters_than_its_neighbours(browser: Browser, tmp_path: Path) -> None:
    evaluation = write_page(tmp_path, json.loads((MODELS / "default" / "evaluation.json").read_text(encoding="utf-8")))
    page = open_page(browser, evaluation.as_uri(), width=700)  # A4 without its margins
    page.emulate_media(media="print")

    assert len(page.evaluate("[...new Set([...document.querySelectorAll('td, td *')].map(one => getComputedStyle(one).fontSize))]")) == 1
    assert page.evaluate("[...document.querySelectorAll('.wide')].filter(box => box.scrollWidth > box.clientWidth).length") == 0


@pytest.mark.parametrize("width", [1024, 390])
def test_long_names_are_whole_and_leave_room(browser: Browser, tmp_path: Path, width: int) -> None:
    name = "a-name-that-nobody-shortened_" * 4
    run = write_run(
        tmp_path / "run", [call("9b2e" * 24 + str(n), *BAD, agent_id="Featherstonehaugh-Cholmondeley" * 2, team=name) for n in range(2)]
    )
    report = write_report(run)
    with served(tmp_path / "reviews.sqlite", [run]) as address:
        page = open_page(browser, address, width=width)
        for where in (address, report.as_uri()):
            page.goto(where)
            cut = (
                "[...document.querySelectorAll('.id, .wide')].filter(box => box.scrollWidth > box.clientWidth).map(box => box.textContent)"
            )
            assert page.evaluate(cut) == []
            assert page.locator(".cards td:has(ul)").first.evaluate("cell => cell.getBoundingClientRect().width") > 200
            assert faults(page) == []
        page.goto(address + "/calls/1")
        assert faults(page) == []


def test_a_note_is_asked_for_beside_its_question(browser: Browser, address: str) -> None:
    page = open_page(browser, address + "/calls/1")

    question, note = (page.locator(f"#flag-low_score {part}").bounding_box() for part in (".answers", ".aside"))
    assert question is not None and note is not None and note["x"] > question["x"] and abs(note["y"] - question["y"]) < 20


def test_a_call_on_paper_has_the_answers_and_no_controls(browser: Browser, address: str) -> None:
    page = open_page(browser, address + "/calls/1")
    page.locator("#flag-low_score button[value='low_score unsure']").click()
    saved(page)
    page.emulate_media(media="print")

    assert page.locator("#flag-low_score button:visible").all_inner_texts() == ["unsure"]
    assert page.locator(".top:visible, details.aside:visible, .filters:visible").count() == 0
    assert not page.locator("summary:visible").all_inner_texts()
    asked = page.locator(".ask:visible", has=page.locator(".asking:visible"))
    assert asked.count() and asked.filter(has_not=page.locator("[aria-pressed=true]")).count() == 0
    assert "interruption" in page.locator("#s1-interruption").inner_text()  # what the machine says stays


def test_verdicts_teach_the_model(browser: Browser, tmp_path: Path, keyword_folder: Path) -> None:
    """From the queue to a verdict, to an export, to a model that answers otherwise."""
    rows = [
        {
            "call_id": f"c{n:02}",
            "speaker": speaker,
            "text": text + " word" * n,
            "start": 2.0 * at,
            "end": 2.0 * at + 1.5,
        }  # no two calls alike
        for n in range(24)
        for at, (speaker, text) in enumerate(turn.split(" ", 1) for turn in TURNS)
    ]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "night.parquet")
    score(tmp_path / "night.parquet", tmp_path / "before", keyword_folder)
    db = tmp_path / "reviews.sqlite"
    with served(db, [tmp_path / "before"]) as address:
        page = open_page(browser, address)
        page.get_by_role("link", name="c00").click()
        for at in (2, 4):
            page.locator(f"#s{at}-retention_pushiness").get_by_role("button", name="no").click()
            expect(page.locator(f"#s{at}-retention_pushiness [aria-pressed=true]")).to_have_text("no")
        page.get_by_role("button", name="I have read the whole call").click()
        expect(page.locator("#saved")).to_contain_text("no answer")
        page.get_by_role("button", name="I have read the whole call").click()
        expect(page.locator("#state")).to_have_text("done")
    with opened(db) as connection:
        answer_the_rest_alike(connection)

    code, said = scorer("review", "export", tmp_path / "verdicts", "--db", db)
    assert code == 0 and "24 labelled calls" in said
    config = tiny_config(tmp_path, keyword_folder).model_copy(update={"train": (tmp_path / "verdicts",), "epochs": 25, "batch_windows": 4})
    train(config, out=tmp_path / "candidate", work=tmp_path / "work")
    calibrate(config, tmp_path / "candidate")
    score(tmp_path / "night.parquet", tmp_path / "after", tmp_path / "candidate")

    before, after = ([row["labels"] for row in table(tmp_path / run, "segments") if row["call_id"] == "c23"] for run in ("before", "after"))
    assert before == [["exit_request"], ["apology"], ["retention_pushiness"], [], ["retention_pushiness"], []]
    assert after == [["exit_request"], ["apology"], [], [], [], []]
    assert json.loads((tmp_path / "after/run.json").read_text())["counts"]["flagged_calls"] == 0


def answer_the_rest_alike(connection: sqlite3.Connection) -> None:
    """The same verdicts on every other call, without the browser."""
    for (number,) in connection.execute("select id from call where call_id <> 'c00'").fetchall():
        call = open_call(connection, number)
        for at in (2, 4):
            subject = Subject(number, "label", at, "retention_pushiness")
            save_verdict(connection, subject, "no", who="ana", machine=call.machine(subject))
        save_verdict(connection, Subject(number, "call"), "yes", who="ana", machine=call.machine(Subject(number, "call")))

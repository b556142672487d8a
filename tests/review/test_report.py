"""The page of the morning."""

import datetime as dt
import os
import re
import shutil
import time
from pathlib import Path

import pyarrow as pa
import pytest
import runs
from runs import BAD, GOOD, LABELS, call, small_run, write_run

from scorer.errors import RunError
from scorer.manifest import RUN_FILE
from scorer.rescore import rescore_run
from scorer.review import report
from scorer.review.compare import earlier_runs, more_than_chance, stability, what_changed, what_moved
from scorer.review.night import histogram, read_night
from scorer.review.report import REPORT, ensure_report, write_report
from scorer.tables.nights import label_facts, search_calls
from scorer.tables.schemas import TABLES

RUBRIC_FILE = Path(__file__).parents[2] / "configs" / "rubric.yaml"
NASTY = {
    0: "<script>alert(1)</script> {{ 7 * 7 }} {% raw %}",
    1: "\"><img src=x onerror=alert(1)> javascript:alert(1) ' onmouseover='x",
    2: "<svg onload=alert(1)> \u202edesrever",
}


def page_of(run: Path) -> str:
    return write_report(run).read_text(encoding="utf-8")


def test_the_page_needs_nothing_else(tmp_path: Path) -> None:
    page = page_of(small_run(tmp_path / "run"))

    assert not re.findall(r"<script|<link|<iframe|@import|url\(|(?:src|href)=[\"'](?!#)", page)
    assert "default-src 'none'" in page and [p.name for p in (tmp_path / "run").glob(".report*")] == []


def test_a_page_of_the_run_before_is_written_again_and_one_of_this_run_stays(tmp_path: Path) -> None:
    run, page = small_run(tmp_path / "run"), tmp_path / "run" / REPORT
    ensure_report(run, "run-1")
    whole = page.read_text(encoding="utf-8")
    assert "Call bad" in whole

    os.utime(page, (1, 1))  # a clock that was set back says nothing
    ensure_report(run, "run-1")
    assert page.stat().st_mtime == 1

    page.write_text(whole.replace("run-1", "run-0"), encoding="utf-8")  # a killed run had put another run.json in its place
    ensure_report(run, "run-1")
    assert page.read_text(encoding="utf-8") == whole


def test_the_page_trusts_only_what_run_json_names(tmp_path: Path) -> None:
    run = small_run(tmp_path / "run")
    page = page_of(run)
    for name in TABLES:
        shutil.copy(next((run / name).iterdir()), run / name / "copied.parquet")
        (run / name / "half.parquet").write_bytes(b"PAR1 half")

    assert page_of(run) == page
    assert search_calls(run, "nobody says this", shown=str) == set() and len(label_facts(run, [label.name for label in LABELS])) == 4

    (run / "flags" / "copied.parquet").replace(run / "flags" / "kept")
    next(path for path in (run / "flags").glob("*.parquet") if path.stem not in ("half", "copied")).unlink()
    with pytest.raises(RunError, match=r"not what run\.json says"):
        page_of(run)


def test_the_page_says_what_to_look_at_and_why(tmp_path: Path) -> None:
    page = page_of(small_run(tmp_path / "run"))

    for said in ("4</b> calls read", "1</b> call asks", "2</b> rows could not", "Call bad", "call id missing", "both at once", "words 3"):
        assert said in page
    assert "Call good-0" not in page  # transcripts of flagged calls only


def test_the_list_is_cut_but_all_flagged_calls_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = write_run(tmp_path / "run", [call(name, *BAD, agent_id=f"agent-{name}") for name in "dacb"])
    monkeypatch.setattr(report, "LISTED", 3)

    listed, in_all = report.worst_first(run)

    assert [(row["call_id"], row["agent_id"]) for row in listed] == [(name, f"agent-{name}") for name in "abc"] and in_all == 4
    assert "1 more are in the review app" in page_of(run)


def test_what_people_said_cannot_become_part_of_the_page(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", [call("../../etc/<b>passwd", *BAD, texts=NASTY, agent_id="<i>a</i>")])

    page = page_of(run)

    assert not re.findall(r"<script|<img|<b>passwd|<i>a|<svg onload", page)
    assert "{{ 7 * 7 }}" in page and "&lt;script&gt;" in page and "\u202e" not in page
    assert sorted(p.name for p in run.iterdir()) == ["calls", "flags", "rejects", "report.html", RUN_FILE, "segments"]


def test_numbers_are_masked_unless_asked_for(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", [call("c", *BAD, texts={0: "card 4111 1111 1111 1111"})])

    assert "4111" not in page_of(run) and "[card number]" in page_of(run)
    assert "4111 1111" in write_report(run, masked=False).read_text(encoding="utf-8")


def test_a_run_without_agents_times_or_calls_has_a_page(tmp_path: Path) -> None:
    without = write_run(tmp_path / "a", [call("c", *BAD, agent_id=None, team=None, started_at=None)])
    empty = write_run(tmp_path / "another" / "b", [], run_id="run-2")

    assert "no columns team and agent_id" in page_of(without)
    assert "<h1>Call quality, scored on" in page_of(without)
    assert "No call was scored, so none could break a rule" in page_of(empty)
    assert not re.findall("no chance<|What changed|<svg", page_of(empty))  # a share, a heading and a picture of nothing


@pytest.mark.parametrize("zone", ["UTC", "America/Los_Angeles"])
def test_the_day_of_a_night_is_the_same_on_every_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, zone: str) -> None:
    monkeypatch.setattr(runs, "CARRIED", pa.schema([(field.name, pa.string()) for field in runs.CARRIED]))
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    starts = ["0044-03-15 (BC)", "12026-11-20 10:00:00", "2026-11-20T23:30:00", "2026-11-20 01:00:00"]
    run = write_run(tmp_path / "run", [call(f"c{n}", *GOOD, started_at=start) for n, start in enumerate(starts)])

    assert read_night(run).date == dt.date(2026, 11, 20)


def test_nights_before_are_found_beside_the_run_and_compared(tmp_path: Path) -> None:
    calm = write_run(tmp_path / "1", [call(f"g{n}", *GOOD) for n in range(40)], run_id="run-1")
    os.utime(calm / RUN_FILE, (1, 1))
    rough = write_run(tmp_path / "2", [call(f"b{n}", *BAD) for n in range(40)], run_id="run-2", model="n" * 64)

    earlier = earlier_runs(read_night(rough))

    assert [old["run_id"] for old in earlier] == ["run-1"] and earlier_runs(read_night(calm)) == []
    moved = what_moved(read_night(rough).about["counts"], [old["counts"] for old in earlier])
    assert any(s.startswith("flagged calls went up: 100% tonight (40 of 40), 0% in") for s in moved)
    assert any("Another model" in s for s in what_changed(read_night(rough).about, earlier[-1]))
    page = page_of(rough)
    assert "What changed since the last run" in page and "What changed" not in page_of(calm)
    assert "Moved:" in page and "in the night before</li>" in page


def test_dates_are_compared_in_their_order_whenever_they_were_scored(tmp_path: Path) -> None:
    for day in (20, 22, 21):  # the 21st was scored last
        run = write_run(tmp_path / f"date=2026-11-{day}", [call("g", *GOOD)], run_id=f"run-{day}")
        os.utime(run / RUN_FILE, (100 if day == 21 else 1,) * 2)
    write_run(tmp_path / "tried", [call("g", *GOOD)], run_id="tried")

    assert [old["run_id"] for old in earlier_runs(read_night(tmp_path / "date=2026-11-21"))] == ["run-20"]
    assert [old["run_id"] for old in earlier_runs(read_night(tmp_path / "date=2026-11-22"))] == ["run-20", "run-21"]


@pytest.mark.parametrize(
    ("inputs", "before"),
    [(("a", "b"), []), (("b", "a"), []), (("a",), ["run-1"]), (("a", "b", "c"), ["run-1"]), ((), ["run-1"])],
)
def test_a_run_of_the_same_input_is_no_night_before(tmp_path: Path, inputs: tuple[str, ...], before: list[str]) -> None:
    write_run(tmp_path / "date=1", [call("g", *GOOD)], run_id="run-1", inputs=("a", "b"))
    again = write_run(tmp_path / "date=2", [call("g", *GOOD)], run_id="run-2", inputs=inputs)

    assert [old["run_id"] for old in earlier_runs(read_night(again))] == before


@pytest.mark.parametrize("inputs", [("a",), ()])
def test_a_rescored_night_is_not_compared_with_itself(tmp_path: Path, inputs: tuple[str, ...]) -> None:
    write_run(tmp_path / "date=1", [call("g", *GOOD)], run_id="run-1", inputs=("z",))
    night = write_run(tmp_path / "date=2", [call("g", *GOOD)], run_id="run-2", inputs=inputs)
    rescore_run(night, rubric=RUBRIC_FILE, out=tmp_path / "date=2-strict", progress=lambda done, of: None)

    assert [old["run_id"] for old in earlier_runs(read_night(tmp_path / "date=2-strict"))] == ["run-1"]


def test_a_night_that_was_rescored_twice_is_still_the_same_night(tmp_path: Path) -> None:
    night = write_run(tmp_path / "date=1", [call("g", *GOOD)], run_id="run-1", inputs=("a",))
    rescore_run(night, rubric=RUBRIC_FILE, out=tmp_path / "date=1-strict", progress=lambda done, of: None)
    rescore_run(tmp_path / "date=1-strict", rubric=RUBRIC_FILE, out=tmp_path / "date=1-twice", progress=lambda done, of: None)

    assert earlier_runs(read_night(tmp_path / "date=1-twice")) == []


def test_a_changed_number_of_the_rubric_is_named(tmp_path: Path) -> None:
    about = read_night(small_run(tmp_path / "run")).about
    rules = {**about["rubric"]["rules"], "version": 2}

    assert what_changed(about, {**about, "name": "old", "rubric": {**about["rubric"], "rules": rules}}) == [
        "Rubric: version was 2 and is 1."
    ]


def test_bars_hold_every_score_once(tmp_path: Path) -> None:
    bars = histogram(read_night(small_run(tmp_path / "run")))

    assert sum(count for _, count, _ in bars) == 4
    assert bars[-1] == (95, 3, "excellent")  # a score of 100 is in the last bar


def test_stability_by_hand_and_small_nights_do_not_alarm() -> None:
    # shares 0.5 and 0.5 against 0.8 and 0.2, large counts: 0.3 x ln(0.8 / 0.5) + 0.3 x ln(0.5 / 0.2)
    assert stability([50_000, 50_000], [80_000, 20_000]) == pytest.approx(0.4159, abs=0.001)
    assert stability([1], [0]) is None
    assert more_than_chance(0.3, [1000], [1000]) and not more_than_chance(0.3, [16], [16])


def test_what_is_not_a_run_has_no_page(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="not a run"):
        write_report(tmp_path)


def test_who_clearly_differs_from_the_group_is_said_with_the_direction(tmp_path: Path) -> None:
    calls = [call(f"g{n}", *GOOD, agent_id="good") for n in range(60)] + [call(f"b{n}", *BAD, agent_id="bad") for n in range(60)]
    run = write_run(tmp_path / "run", calls)

    tables = {table.name: {row.name: row.stands for row in table.agents} for table in report.behaviour_tables(read_night(run))}
    assert tables["apology"] == {"good": "better", "bad": "worse"} and tables["interruption"] == {"good": "better", "bad": "worse"}
    assert "clearly worse" in page_of(run) and "clearly better" in page_of(run)
    assert "against the group" not in page_of(small_run(tmp_path / "small"))

"""A finished run under another rubric: the same bytes however the work is spread."""

from dataclasses import asdict
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from nights import published
from runs import BAD, CARRIED, GOOD, LABELS, RUBRIC, call, write_run

from scorer import rescore
from scorer.manifest import read_run
from scorer.scoring.aggregate import score_call
from scorer.tables import writer as writing
from scorer.tables.judged import read_judged
from scorer.tables.schemas import Stamp
from scorer.tables.writer import RunTables, ShardWriter

RUBRIC_FILE = Path(__file__).parents[1] / "configs" / "rubric.yaml"


@pytest.fixture
def stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run of thirty calls in row groups of four."""
    monkeypatch.setattr(writing, "GROUP_CALLS", 4)
    return write_run(tmp_path / "stored", [call(f"c{n:02}", *(BAD if n % 3 else GOOD), agent_id=None) for n in range(30)])


def again(stored: Path, out: Path) -> dict[str, str]:
    rescore.rescore_run(stored, rubric=RUBRIC_FILE, out=out, progress=lambda done, of: None)
    return published(out)


def test_on_all_cores_it_gives_the_bytes_of_one(stored: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rescore, "usable_cores", lambda: 1)
    alone = again(stored, tmp_path / "alone")

    assert read_run(tmp_path / "alone")["counts"]["rows_scored"] == read_run(stored)["counts"]["rows_scored"] > 0
    monkeypatch.setattr(rescore, "usable_cores", lambda: 2)
    monkeypatch.setattr(rescore, "GROUPS_FOR_PROCESSES", 2)

    assert again(stored, tmp_path / "together") == alone


def test_calls_that_were_ready_are_written_as_they_are_one_by_one(stored: Path, tmp_path: Path) -> None:
    again(stored, tmp_path / "ready")
    stamp = Stamp(**{name: pq.read_table(tmp_path / "ready" / "calls")[name][0].as_py() for name in asdict(Stamp(*"abcdefg"))})
    tables = RunTables(LABELS, tuple(RUBRIC.behaviours), CARRIED, stamp)
    with ShardWriter(tmp_path / "one", tables) as writer:
        for judged, _ in read_judged(stored, LABELS):
            writer.write_call(judged, score_call(judged, RUBRIC))
        writer.finish()

    for name in ("calls", "segments", "flags"):
        (ready,) = (tmp_path / "ready" / name).iterdir()
        assert (tmp_path / "one" / f"{name}.parquet").read_bytes() == ready.read_bytes()


@pytest.mark.parametrize(
    ("row", "were"),
    [
        ({"status": "scored", "scorer_version": "g"}, True),
        ({"status": "scored", "scorer_version": "older"}, False),  # it may have known fewer words
        ({"status": "insufficient", "scorer_version": "g"}, False),  # such a call is never flagged
    ],
)
def test_roles_are_checked_again_unless_the_same_check_was_asked(row: dict[str, object], were: bool) -> None:
    assert rescore._roles_were_checked(row, Stamp(*"abcdefg")) is were


def test_a_call_whose_roles_look_swapped_still_says_so(tmp_path: Path) -> None:
    greeting = {0: "Thank you for calling, how can I help you?"}  # in the customer's mouth
    run = write_run(tmp_path / "stored", [call("bad", *BAD), call("good", *GOOD), call("swapped", *BAD, texts=greeting)])

    again(run, tmp_path / "again")

    flags = [pq.read_table(folder / "flags", columns=["call_id", "rule", "evidence"]) for folder in (run, tmp_path / "again")]
    assert flags[0] == flags[1]
    assert flags[0].filter(pc.equal(flags[0]["rule"], "role_suspect"))["call_id"].to_pylist() == ["swapped"]

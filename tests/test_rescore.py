"""A finished run under another rubric: the same bytes however the work is spread."""

from dataclasses import asdict
from pathlib import Path

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
    ("row", "right"),
    [
        ({"status": "scored", "flags": 0, "scorer_version": "g"}, True),
        ({"status": "scored", "flags": 1, "scorer_version": "g"}, False),  # the flag may be that of the roles
        ({"status": "scored", "flags": 0, "scorer_version": "older"}, False),  # it may have known fewer words
        ({"status": "insufficient", "flags": 0, "scorer_version": "g"}, False),  # such a call is never flagged
    ],
)
def test_roles_are_checked_again_unless_the_same_check_found_them_right(row: dict[str, object], right: bool) -> None:
    assert rescore._roles_are_right(row, Stamp(*"abcdefg")) is right

"""What is said where there is nothing to show."""

from pathlib import Path

import pytest
from runs import GOOD, call, write_run
from typer.testing import CliRunner

from scorer.cli import app
from scorer.errors import RunError
from scorer.review.report import write_report
from scorer.review.server import open_desk
from scorer.review.store import prepare


def test_a_run_that_is_not_there_leaves_no_database(tmp_path: Path) -> None:
    with pytest.raises(RunError):
        open_desk(tmp_path / "reviews.sqlite", [tmp_path / "nothing"], person="ana", sample=1, seed=1)

    assert list(tmp_path.iterdir()) == []


def test_an_export_of_nothing_says_so(tmp_path: Path) -> None:
    prepare(tmp_path / "reviews.sqlite")

    result = CliRunner().invoke(app, ["review", "export", str(tmp_path / "out"), "--db", str(tmp_path / "reviews.sqlite")])

    assert result.exit_code == 0 and "nobody has confirmed" in result.stderr


def test_a_report_of_calls_without_a_start_has_no_date(tmp_path: Path) -> None:
    page = write_report(write_run(tmp_path / "run", [call("one", *GOOD, started_at=None)])).read_text(encoding="utf-8")

    assert "<title>Call quality, no date</title>" in page and "night of" not in page

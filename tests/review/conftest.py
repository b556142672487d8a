"""A review database on a small run."""

import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from runs import small_run

from scorer.review.server import open_desk
from scorer.review.store import opened
from scorer.review.web import Desk


@pytest.fixture(scope="session")
def taken_in(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run of four calls and a review database that has it; copied for each test, never opened."""
    folder = tmp_path_factory.mktemp("taken_in")
    open_desk(folder / "reviews.sqlite", [small_run(folder / "run")], person="sam", sample=2, seed=1)
    return folder


@pytest.fixture
def desk(tmp_path: Path, taken_in: Path) -> Desk:
    """The app's desk with one run of four calls, its own to change: number 1 is flagged, 2 to 4 are not."""
    shutil.copytree(taken_in, tmp_path, dirs_exist_ok=True)
    with opened(tmp_path / "reviews.sqlite") as connection:
        connection.execute("update run set folder = ?", [str(tmp_path / "run")])
    return open_desk(tmp_path / "reviews.sqlite", [], person="sam", sample=2, seed=1)


@pytest.fixture
def database(desk: Desk) -> Iterator[sqlite3.Connection]:
    """A connection to it."""
    with opened(desk.db) as connection:
        yield connection

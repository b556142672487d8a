"""A review database on a small run."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from runs import small_run

from scorer.review.server import open_desk
from scorer.review.store import opened
from scorer.review.web import Desk


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """The app's desk with one run of four calls: number 1 is flagged, 2 to 4 are not."""
    return open_desk(tmp_path / "reviews.sqlite", [small_run(tmp_path / "run")], person="sam", sample=2, seed=1)


@pytest.fixture
def database(desk: Desk) -> Iterator[sqlite3.Connection]:
    """A connection to it."""
    with opened(desk.db) as connection:
        yield connection

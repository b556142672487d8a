"""What several rooms' tests stand on."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from keyword_model import build
from nursery import Nursery

settings.register_profile("scorer", deadline=None)  # machines are shared and slow at times: that is no failure
settings.load_profile("scorer")


@pytest.fixture(scope="session")
def keyword_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder that labels by keyword; tests that change it copy it first."""
    return build(tmp_path_factory.mktemp("model") / "keywords")


@pytest.fixture(scope="session")
def nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    """Where runs are started that a test kills, starves or interrupts."""
    with Nursery(tmp_path_factory.mktemp("nursery")) as nursery:
        yield nursery


@pytest.fixture(scope="session")
def other_nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    """For a second run beside one of `nursery`."""
    with Nursery(tmp_path_factory.mktemp("nursery")) as nursery:
        yield nursery

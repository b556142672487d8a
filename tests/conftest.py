"""What several rooms' tests stand on."""

from pathlib import Path

import pytest
from hypothesis import settings
from keyword_model import build

settings.register_profile("any machine", deadline=None)  # a busy one is slow, which is no bug
settings.load_profile("any machine")


@pytest.fixture(scope="session")
def keyword_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder that labels by keyword; tests that change it copy it first."""
    return build(tmp_path_factory.mktemp("model") / "keywords")

"""What several rooms' tests stand on."""

from pathlib import Path

import pytest
from keyword_model import build


@pytest.fixture(scope="session")
def keyword_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder that labels by keyword; tests that change it copy it first."""
    return build(tmp_path_factory.mktemp("model") / "keywords")

"""What the training tests stand on."""

from pathlib import Path

import pytest
from tiny_training import tiny_config

from scorer.training.settings import TrainingConfig


@pytest.fixture
def training_config(tmp_path: Path, keyword_folder: Path) -> TrainingConfig:
    """Settings of the real file, with a tiny base encoder and tiny data."""
    return tiny_config(tmp_path, keyword_folder)

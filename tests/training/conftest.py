"""What the training tests stand on."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from tiny_training import tiny_config

from scorer.training.settings import TrainingConfig
from scorer.training.train import train


@pytest.fixture(scope="package", autouse=True)
def one_thread() -> Iterator[None]:
    """What is this small gains nothing from a second core, and on a busy machine waits for it in every product."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="package")
def trained(tmp_path_factory: pytest.TempPathFactory, keyword_folder: Path) -> tuple[TrainingConfig, Path]:
    """A tiny training: its settings, and the folder that it made; tests that change it copy it first."""
    folder = tmp_path_factory.mktemp("trained")
    config = tiny_config(folder, keyword_folder)
    train(config, out=folder / "candidate", work=folder / "work")
    return config, folder / "candidate"


@pytest.fixture
def training_config(tmp_path: Path, keyword_folder: Path) -> TrainingConfig:
    """Settings of the real file, with a tiny base encoder and tiny data."""
    return tiny_config(tmp_path, keyword_folder)

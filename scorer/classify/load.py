"""How does a model folder become a network? Strictly: nothing is guessed, nothing is run."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForTokenClassification, AutoTokenizer
from transformers.utils.logging import disable_progress_bar, set_verbosity_error

from scorer.classify.decide import UNCALIBRATED, read_decisions
from scorer.classify.model import WEIGHTS, SegmentModel, check_record, declared_labels
from scorer.errors import ModelError


def load_model(folder: Path, *, calibrated: bool = True) -> SegmentModel:
    """Load a model folder in float32, on the GPU where there is one.

    Raises ModelError where weights are not safetensors, do not fit the network exactly, want code run, or labels differ, and where
    a file is not the one that was saved with the others.
    With `calibrated` false, thresholds.json may be missing: temperature 1 and threshold 0.5 stand in.
    """
    check_record(folder)
    labels = declared_labels(folder)
    decisions = read_decisions(folder / "thresholds.json", labels) if calibrated else (UNCALIBRATED,) * len(labels)
    tokenizer = _load_tokenizer(folder)
    network = _load_network(folder)
    if len(tokenizer) > network.config.vocab_size:
        raise ModelError(f"{folder}: the tokenizer has {len(tokenizer)} tokens, the network {network.config.vocab_size}: not a pair")
    return SegmentModel(network, tokenizer, labels, decisions)


@contextmanager
def _loading(folder: Path, what: str) -> Iterator[None]:
    """Whatever a library makes of files that are not what they should be is the folder's fault."""
    try:
        yield
    except MemoryError:
        raise
    except Exception as error:  # the border to what reads foreign files: it raises whatever the files lead it to
        raise ModelError(f"{folder}: {what} cannot be loaded ({type(error).__name__}): restore the folder or retrain") from error


def _load_tokenizer(folder: Path) -> Any:
    with _loading(folder, "the tokenizer"):
        return AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)


def _load_network(folder: Path) -> Any:
    if not (folder / WEIGHTS).is_file():
        raise ModelError(f"{folder}: no {WEIGHTS}; other weight formats can run code and are not loaded")
    set_verbosity_error()  # we check and say it ourselves
    disable_progress_bar()
    with _loading(folder, "the weights"):
        config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        network, report = AutoModelForTokenClassification.from_pretrained(
            folder,
            config=config,
            use_safetensors=True,
            local_files_only=True,
            trust_remote_code=False,
            dtype=torch.float32,
            output_loading_info=True,
        )
    wrong = {kind: sorted(map(str, found)) for kind, found in report.items() if found}
    if wrong:
        raise ModelError(f"{folder}: weights and network differ {wrong}: this is not a trained {type(network).__name__}")
    if not all(bool(part.isfinite().all()) for part in network.parameters()):
        raise ModelError(f"{folder}: weights that are no finite numbers: restore the folder or retrain")
    return network.eval().to("cuda" if torch.cuda.is_available() else "cpu")

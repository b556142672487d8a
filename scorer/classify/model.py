"""Is this folder a model that may be used, and what is in it? Loading is strict: nothing is guessed, nothing is run."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from transformers import AutoConfig, AutoModelForTokenClassification, AutoTokenizer
from transformers.utils.logging import disable_progress_bar, set_verbosity_error

from scorer.classify.decide import UNCALIBRATED, Decision, read_decisions
from scorer.classify.tokens import WindowMaker
from scorer.classify.windows import MARKER_SCHEME
from scorer.durable import file_hash
from scorer.errors import ModelError
from scorer.labels import Label, names, read_labels

WEIGHTS = "model.safetensors"
RECORD = "files.json"  # sha256 of the files as they were saved together
RESULT_FILES = ("config.json", WEIGHTS, "labels.json", "thresholds.json", "tokenizer.json", "tokenizer_config.json")


@dataclass(frozen=True)
class SegmentModel:
    """A loaded model: network in evaluation mode, tokenizer, labels in output order, decisions in the same order."""

    network: Any
    tokenizer: Any
    labels: tuple[Label, ...]
    decisions: tuple[Decision, ...]

    @property
    def pad_id(self) -> int:
        """The token that fills up short windows."""
        return int(self.tokenizer.pad_token_id)

    def maker(self, window_tokens: int, context_tokens: int) -> WindowMaker:
        """The window maker for this model's tokenizer."""
        return WindowMaker(self.tokenizer, window_tokens, context_tokens)


def model_hash(folder: Path) -> str:
    """sha256 over every file that can change a result; a cheap fingerprint that needs no torch model.

    Raises ModelError naming the files that are missing, or that are not those that were saved together (see `record_files`).
    """
    missing = [name for name in RESULT_FILES if not (folder / name).is_file()]
    if missing:
        raise ModelError(f"{folder}: not a model folder, {', '.join(missing)} missing: name one with --model, such as models/default")
    digest = hashlib.sha256()
    found = _hashes(folder)
    _check_record(folder, found)
    for name in RESULT_FILES:
        digest.update(name.encode() + bytes.fromhex(found[name]))
    return digest.hexdigest()


def record_files(folder: Path) -> None:
    """Write down which files belong together: a tokenizer of another model can fit in every other respect."""
    (folder / RECORD).write_text(json.dumps(_hashes(folder), indent=2) + "\n", encoding="utf-8")


def _hashes(folder: Path) -> dict[str, str]:
    return {name: file_hash(folder / name) for name in RESULT_FILES if (folder / name).is_file()}


def _check_record(folder: Path, found: dict[str, str]) -> None:
    """Compare with the record, where there is one: models that scorer did not train have none."""
    try:
        recorded = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        wrong = sorted(name for name, said in recorded.items() if found.get(name) != said)
    except FileNotFoundError:
        return
    except (OSError, ValueError, AttributeError) as error:
        raise ModelError(f"{folder}/{RECORD}: cannot be read ({type(error).__name__}): restore the folder") from error
    if wrong:
        raise ModelError(f"{folder}: {', '.join(wrong)} not as saved with the model, says {RECORD}: restore the folder")


def load_model(folder: Path, *, calibrated: bool = True) -> SegmentModel:
    """Load a model folder in float32, on the GPU where there is one.

    Raises ModelError where weights are not safetensors, do not fit the network exactly, want code run, or labels differ, and where
    a file is not the one that was saved with the others.
    With `calibrated` false, thresholds.json may be missing: temperature 1 and threshold 0.5 stand in.
    """
    _check_record(folder, _hashes(folder))
    labels = declared_labels(folder)
    decisions = read_decisions(folder / "thresholds.json", labels) if calibrated else (UNCALIBRATED,) * len(labels)
    tokenizer = _load_tokenizer(folder)
    network = _load_network(folder)
    if len(tokenizer) > network.config.vocab_size:
        raise ModelError(f"{folder}: the tokenizer has {len(tokenizer)} tokens, the network {network.config.vocab_size}: not a pair")
    return SegmentModel(network, tokenizer, labels, decisions)


def declared_labels(folder: Path) -> tuple[Label, ...]:
    """The labels of a model folder in the order of its outputs; no weights are read. Raises ModelError where its files do not agree."""
    labels = read_labels(folder / "labels.json")
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        declared = [config["id2label"][str(at)] for at in range(len(config["id2label"]))]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{folder}/config.json: no readable id2label ({type(error).__name__})") from error
    if config.get("auto_map"):
        raise ModelError(f"{folder}: the model wants to run code of its own (auto_map): only stock architectures are loaded")
    if config.get("marker_scheme") != MARKER_SCHEME:
        raise ModelError(
            f"{folder}: made with marker scheme {config.get('marker_scheme')}, this scorer reads scheme {MARKER_SCHEME}: "
            "use the scorer that it was released with, or train again"
        )
    if tuple(declared) != names(labels):
        raise ModelError(f"{folder}: config.json declares {declared}, labels.json {list(names(labels))}: the files are not of one model")
    return labels


def _load_tokenizer(folder: Path) -> Any:
    try:
        return AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(f"{folder}: the tokenizer cannot be loaded ({type(error).__name__}): restore the folder or retrain") from error


def _load_network(folder: Path) -> Any:
    if not (folder / WEIGHTS).is_file():
        raise ModelError(f"{folder}: no {WEIGHTS}; other weight formats can run code and are not loaded")
    set_verbosity_error()  # we check and say it ourselves
    disable_progress_bar()
    try:
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
    except (OSError, ValueError, RuntimeError, KeyError, SafetensorError) as error:
        raise ModelError(f"{folder}: the weights cannot be loaded ({type(error).__name__}): restore the folder or retrain") from error
    wrong = {kind: sorted(map(str, found)) for kind, found in report.items() if found}
    if wrong:
        raise ModelError(f"{folder}: weights and network differ {wrong}: this is not a trained {type(network).__name__}")
    return network.eval().to("cuda" if torch.cuda.is_available() else "cpu")

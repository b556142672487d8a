"""Is this folder a model that may be used, and what does it declare? No weights are read, and torch is not needed."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scorer.classify.decide import Decision
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
    _compare(folder, found)
    for name in RESULT_FILES:
        digest.update(name.encode() + bytes.fromhex(found[name]))
    return digest.hexdigest()


def record_files(folder: Path) -> None:
    """Write down which files belong together: a tokenizer of another model can fit in every other respect."""
    (folder / RECORD).write_text(json.dumps(_hashes(folder), indent=2) + "\n", encoding="utf-8")


def check_record(folder: Path) -> None:
    """Raise ModelError where a file is not the one that was saved with the others, and there is a record that says so."""
    _compare(folder, _hashes(folder))


def _hashes(folder: Path) -> dict[str, str]:
    return {name: file_hash(folder / name) for name in RESULT_FILES if (folder / name).is_file()}


def _compare(folder: Path, found: dict[str, str]) -> None:
    """Compare with the record, where there is one: models that scorer did not train have none."""
    try:
        recorded = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        wrong = sorted(name for name, said in recorded.items() if found.get(name) != said)
    except FileNotFoundError:
        return
    except (OSError, ValueError, AttributeError, RecursionError) as error:
        raise ModelError(f"{folder}/{RECORD}: cannot be read ({type(error).__name__}): restore the folder") from error
    if wrong:
        raise ModelError(f"{folder}: {', '.join(wrong)} not as saved with the model, says {RECORD}: restore the folder")


def declared_labels(folder: Path) -> tuple[Label, ...]:
    """The labels of a model folder in the order of its outputs; no weights are read. Raises ModelError where its files do not agree."""
    labels = read_labels(folder / "labels.json")
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        declared = [config["id2label"][str(at)] for at in range(len(config["id2label"]))]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise ModelError(f"{folder}/config.json: no readable id2label ({type(error).__name__}): restore the folder or retrain") from error
    if config.get("auto_map") or _names_code(folder / "tokenizer_config.json"):
        raise ModelError(f"{folder}: the model wants to run code of its own (auto_map): only stock architectures are loaded")
    if config.get("marker_scheme") != MARKER_SCHEME:
        raise ModelError(
            f"{folder}: made with marker scheme {config.get('marker_scheme')}, this scorer reads scheme {MARKER_SCHEME}: "
            "use the scorer that it was released with, or train again"
        )
    if tuple(declared) != names(labels):
        raise ModelError(f"{folder}: config.json declares {declared}, labels.json {list(names(labels))}: the files are not of one model")
    return labels


def _names_code(path: Path) -> bool:
    """Whether a tokenizer's settings want code run. Where they cannot be read, the tokenizer cannot be loaded either."""
    try:
        return bool(json.loads(path.read_text(encoding="utf-8")).get("auto_map"))
    except (OSError, ValueError, AttributeError, RecursionError):
        return False

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import BertModel

from scorer.classify.load import load_model
from scorer.classify.model import model_hash, record_files
from scorer.errors import ModelError


def edit_json(name: str, change: Callable[[dict], object]) -> Callable[[Path], object]:  # type: ignore[type-arg]
    def edit(folder: Path) -> None:
        content = json.loads((folder / name).read_text())
        change(content)
        (folder / name).write_text(json.dumps(content))

    return edit


def edit_weights(change: Callable[[dict], object]) -> Callable[[Path], object]:  # type: ignore[type-arg]
    def edit(folder: Path) -> None:
        weights = load_file(folder / "model.safetensors")
        change(weights)
        save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})

    return edit


def pickled(folder: Path) -> None:
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()


def truncated(folder: Path) -> None:
    content = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(content[: len(content) // 2])


def headless(folder: Path) -> None:
    network = load_model(folder).network
    BertModel(network.config).save_pretrained(folder / "plain")
    shutil.copy(folder / "plain" / "model.safetensors", folder / "model.safetensors")


def written(name: str, text: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_text(text)


BROKEN = {
    "pickled weights only": (pickled, "model.safetensors"),
    "truncated weights": (truncated, "cannot be loaded"),
    "an encoder without a trained head": (headless, "differ"),
    "a missing weight": (edit_weights(lambda w: w.pop("classifier.bias")), "differ"),
    "an unexpected weight": (edit_weights(lambda w: w.update(extra=torch.zeros(2))), "differ"),
    "a weight of another shape": (edit_weights(lambda w: w.update({"classifier.bias": torch.zeros(3)})), "differ|cannot be loaded"),
    "code of its own": (edit_json("config.json", lambda c: c.update(auto_map={"AutoModel": "evil.Model"})), "auto_map"),
    "a tokenizer with code of its own": (
        edit_json("tokenizer_config.json", lambda c: c.update(auto_map={"AutoTokenizer": "evil"})),
        "auto_map",
    ),
    "a tokenizer that is none": (written("tokenizer.json", "[]"), "tokenizer cannot be loaded"),
    "tokenizer settings that are none": (written("tokenizer_config.json", "5"), "tokenizer cannot be loaded"),
    "weights that are no numbers": (edit_weights(lambda w: w["classifier.bias"].fill_(float("nan"))), "no finite numbers"),
    "pickled weights under the name of others": (written("model.safetensors", "\x80\x04."), "weights cannot be loaded"),
    "labels nested without end": (written("labels.json", "[" * 100_000), "not a label file"),
    "settings nested without end": (written("config.json", "[" * 100_000), "no readable id2label"),
    "thresholds nested without end": (written("thresholds.json", "[" * 100_000), "no temperature"),
    "a label that is no word": (edit_json("labels.json", lambda rows: rows[0].update(name=["apology"])), "no word"),  # type: ignore[index]
    "labels in another order": (edit_json("labels.json", lambda rows: rows.reverse()), "not of one model"),  # type: ignore[attr-defined]
    "a threshold out of range": (edit_json("thresholds.json", lambda t: t["apology"].update(threshold=1.5)), "apology"),
    "a bias that is no number": (edit_json("thresholds.json", lambda t: t["apology"].update(bias=float("nan"))), "apology"),
    "a threshold missing": (edit_json("thresholds.json", lambda t: t.pop("apology")), "calibrate"),
    "no label file": (lambda folder: (folder / "labels.json").unlink(), "labels.json"),
}


@pytest.mark.parametrize(("broken", "said"), BROKEN.values(), ids=BROKEN.keys())
def test_a_folder_that_is_not_what_it_should_be_is_refused(
    keyword_folder: Path, tmp_path: Path, broken: Callable[[Path], object], said: str
) -> None:
    folder = Path(shutil.copytree(keyword_folder, tmp_path / "model"))
    broken(folder)

    with pytest.raises(ModelError, match=said):
        load_model(folder)


def test_the_hash_changes_with_a_threshold_and_not_with_the_card(keyword_folder: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(keyword_folder, tmp_path / "model"))
    before = model_hash(folder)

    (folder / "README.md").write_text("another card")
    assert model_hash(folder) == before

    edit_json("thresholds.json", lambda t: t["apology"].update(threshold=0.6))(folder)
    assert model_hash(folder) != before


def test_a_folder_from_before_there_was_a_bias_has_none(keyword_folder: Path) -> None:
    assert "bias" not in (keyword_folder / "thresholds.json").read_text()

    assert {decision.bias for decision in load_model(keyword_folder).decisions} == {0.0}


def test_a_folder_that_is_no_model_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"config.json, model.safetensors"):
        model_hash(tmp_path)


def swap_two_words(folder: Path) -> None:
    """Another tokenizer of the same size."""
    path = folder / "tokenizer.json"
    tokenizer = json.loads(path.read_text(encoding="utf-8"))
    words = tokenizer["model"]["vocab"]
    one, two = list(words)[-3:-1]
    words[one], words[two] = words[two], words[one]
    path.write_text(json.dumps(tokenizer), encoding="utf-8")


@pytest.mark.parametrize("ours", [True, False], ids=["as shipped", "as saved"])
def test_a_tokenizer_of_the_same_size_that_was_swapped_in_is_refused(keyword_folder: Path, tmp_path: Path, ours: bool) -> None:
    folder = tmp_path / "model"
    shutil.copytree(Path(__file__).parents[2] / "models/default" if ours else keyword_folder, folder)
    if not ours:
        record_files(folder)
    load_model(folder)

    swap_two_words(folder)

    for use in (model_hash, load_model):
        with pytest.raises(ModelError, match=r"tokenizer\.json not as saved"):
            use(folder)
    (folder / "files.json").write_text("[")
    with pytest.raises(ModelError, match=r"files\.json: cannot be read"):
        model_hash(folder)

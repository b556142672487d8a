"""What should a person know of this model before trusting it? A model card, made from the numbers of the training run."""

from pathlib import Path
from typing import Any

CARD = """---
library_name: transformers
pipeline_tag: token-classification
license: apache-2.0
base_model: sentence-transformers/all-MiniLM-L6-v2
---
# Call segment classifier

Labels every segment of a customer call, in the context of the call: {labels}.
Made by `make train`, `make calibrate` and `make evaluate`; this page is generated, edit `scorer/training/card.py` instead.

## Results
On the {dev} calls of `{dev_files}`, by a writer of none of the training calls. They were not used to train or to set thresholds.
Beside it two baselines trained on the same calls: a keyword lexicon (up to 40 phrases a label) and TF-IDF with logistic
regression (the segment's words, the words before, the timing marker).

| label | precision | recall | F1 | lexicon F1 | TF-IDF F1 | average precision | calibration error | positives / segments |
|---|---|---|---|---|---|---|---|---|
{rows}

Mean F1 of interruption, retention_pushiness, ownership, apology: **{mean:.3f}** (lexicon {lexicon:.3f}, TF-IDF {tfidf:.3f}).

## Training
- {train} calls from `{train_files}` (sha256 `{train_hash}`), split by call; {held_out} further calls of the same files were held out
  for temperatures and thresholds.
- Settings: {settings}.
- Machine of these numbers: {machine}.
- Weights: 16 bit, sha256 `{weights}`.

## Limits
- The training calls were written for the purpose, in English only, with a simulated clock. Real calls are messier: expect lower
  numbers, and check a sample of your own before acting on any.
- It reads text and times. It cannot hear tone, pace, sarcasm or a smile.
- Without times, interruptions are guessed from broken-off sentences alone; each prediction says which it was (`tier`).
- Facts stated before an answer (`deflection`) and supporting facts of a grievance (`problem`) are the least settled labels.
- Scores made from it point a person to calls worth reading. They are not a sole ground for discipline or pay.
"""


def write_card(folder: Path, report: dict[str, Any]) -> None:
    """Write README.md into the model folder."""
    labels, calls, config = report["labels"], report["calls"], report["config"]
    rows = "\n".join(_row(name, numbers) for name, numbers in labels.items())
    shown = {key: value for key, value in config.items() if key not in ("train", "dev", "labels")}
    text = CARD.format(
        labels=", ".join(f"`{name}`" for name in labels),
        dev=calls["dev"],
        dev_files=", ".join(config["dev"]),
        rows=rows,
        mean=report["mean_f1_of_behaviours"],
        lexicon=report["mean_lexicon_f1"],
        tfidf=report["mean_tfidf_f1"],
        train=calls["train"],
        train_files=", ".join(config["train"]),
        train_hash=report["data_sha256"]["train"],
        held_out=calls["held_out"],
        settings=", ".join(f"{key} {value}" for key, value in shown.items()),
        machine=", ".join(f"{key} {value}" for key, value in report["machine"].items()),
        weights=report["weights_sha256"],
    )
    (folder / "README.md").write_text(text, encoding="utf-8")


def _row(name: str, n: dict[str, Any]) -> str:
    shares = ("precision", "recall", "f1", "lexicon_f1", "tfidf_f1", "average_precision", "calibration_error")
    return f"| `{name}` | " + " | ".join(f"{n[key]:.3f}" for key in shares) + f" | {n['positives']} / {n['segments']} |"

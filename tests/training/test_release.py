"""A model goes live only through the gate, as a new version, and can be taken back."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scorer.classify.load import load_model
from scorer.cli_model import evaluate
from scorer.errors import ConfigError, LockedError, ModelError, ReleaseError
from scorer.lock import hold
from scorer.records import Call, Segment
from scorer.scoring.rubric import load_rubric
from scorer.training.agreement import call_agreement
from scorer.training.card import write_card
from scorer.training.corpus import LabelledCall
from scorer.training.doubts import doubted
from scorer.training.gate import failed_rules, lost_labels
from scorer.training.metrics import compare, draw_calls
from scorer.training.settings import TrainingConfig
from scorer.training.split import mark, shared_calls
from scorer.training.versions import check_unreleased, publish, roll_back, versions

ROOT = Path(__file__).parents[2]
GOOD: dict[str, Any] = {
    "released": {"labels": {"apology": {"verdict": "unclear", "f1": 0.9, "released_f1": 0.91, "interval": (-0.04, 0.02)}}},
    "labels": {"apology": {"f1": 0.9, "lexicon_f1": 0.5, "positives": 40, "calibration_error": 0.01}},
    "mean_f1_of_behaviours": 0.9,
    "mean_tfidf_f1": 0.8,
    "shared_calls": [],
}


def with_apology(**numbers: float) -> dict[str, Any]:
    return {"labels": {"apology": GOOD["labels"]["apology"] | numbers}}


WORSE = {"released": {"labels": {"apology": {"verdict": "worse", "f1": 0.7, "released_f1": 0.91, "interval": (-0.3, -0.1)}}}}


@pytest.mark.parametrize(
    ("change", "rules"),
    [
        ({}, []),
        ({"released": None}, []),
        (WORSE, ["not_worse"]),
        (with_apology(calibration_error=0.2), ["calibrated"]),
        (with_apology(calibration_error=float("nan")), ["calibrated"]),
        (with_apology(f1=0.4), ["beats_baselines"]),
        (with_apology(f1=0.5), []),
        (with_apology(f1=0.0, lexicon_f1=0.0), ["beats_baselines"]),
        (with_apology(f1=0.0, lexicon_f1=0.0, positives=0), []),
        ({"released": None, "mean_f1_of_behaviours": 0.7}, ["beats_baselines"]),
        ({"mean_tfidf_f1": None}, []),
        ({"shared_calls": ["va-001"]}, ["unseen"]),
        (WORSE | {"shared_calls": ["va-001"]}, ["not_worse", "unseen"]),
    ],
)
def test_the_gate_names_every_rule_that_failed(training_config: TrainingConfig, change: dict[str, Any], rules: list[str]) -> None:
    failed = list(failed_rules(GOOD | change, training_config))

    assert [line.split(":")[0] for line in failed] == rules


def test_a_label_is_worse_only_where_the_whole_interval_says_so() -> None:
    truth = np.array([True, False] * 40)
    calls = np.arange(80) // 2
    draws = draw_calls(40, rounds=200, confidence=0.95, seed=1)

    assert compare(~truth, truth, truth, calls, draws)["verdict"] == "worse"
    assert compare(truth, ~truth, truth, calls, draws)["verdict"] == "better"
    assert compare(truth, truth, truth, calls, draws) == {
        "f1": 1.0,
        "released_f1": 1.0,
        "difference": 0.0,
        "interval": (0.0, 0.0),
        "verdict": "equal",
    }
    one_wrong = truth.copy()
    one_wrong[0] = False
    assert compare(one_wrong, truth, truth, calls, draws)["verdict"] == "unclear"


def test_calls_that_nobody_judged_whole_say_nothing_of_scores(
    keyword_folder: Path, training_config: TrainingConfig, tmp_path: Path
) -> None:
    call = LabelledCall(Call("c", (Segment(0, "agent", "word"),)), (frozenset(),), judged=(frozenset(),))
    rubric, draws = load_rubric(ROOT / "configs/rubric.yaml"), draw_calls(1, rounds=100, confidence=0.95, seed=1)

    found = call_agreement([call], load_model(keyword_folder), rubric, config=training_config, draws=draws)

    assert (found["calls"], found["same_band"], found["mean_score_difference"]) == (0, None, None)
    write_card(tmp_path, json.loads((ROOT / "models/default/evaluation.json").read_text()) | {"agreement": found})
    assert "rank correlation –, – points apart on average" in (tmp_path / "README.md").read_text()


def test_a_copy_of_a_dev_call_is_found_under_another_name_and_punctuation() -> None:
    def call(name: str, text: str) -> LabelledCall:
        return LabelledCall(Call(name, (Segment(0, "agent", text),)), (frozenset(),))

    dev = [call("d1", "Well, hello."), call("d2", "goodbye"), call("d3", "something else")]

    assert shared_calls({mark(call("t1", "well hello")), mark(call("d2", "other words"))}, dev) == ["d1", "d2"]
    assert shared_calls({mark(call("d3@night-2", "something else yeah"))}, dev) == ["d3"]  # another transcript, as verdicts name it


def test_a_candidate_may_not_lack_a_label_of_the_model_in_use(keyword_folder: Path, tmp_path: Path) -> None:
    candidate = shutil.copytree(keyword_folder, tmp_path / "candidate")
    labels = json.loads((candidate / "labels.json").read_text())
    (candidate / "labels.json").write_text(json.dumps([label for label in labels if label["name"] != "deflection"]))

    assert [line.split(": a label")[0] for line in lost_labels(candidate, keyword_folder)] == ["whole: deflection"]
    assert not list(lost_labels(keyword_folder, candidate)) and not list(lost_labels(candidate, tmp_path / "none"))


def test_versions_stay_and_rolling_back_is_one_step(keyword_folder: Path, tmp_path: Path) -> None:
    live = tmp_path / "models" / "default"
    live.parent.mkdir()

    first, second = publish(keyword_folder, live), publish(keyword_folder, live)

    assert [v.name for v in versions(live)] == ["default-v1", "default-v2"] and live.resolve() == second.resolve()
    assert live.is_symlink() and not live.readlink().is_absolute()
    assert roll_back(live, None).resolve() == first.resolve() == live.resolve()
    assert roll_back(live, "default-v2").resolve() == live.resolve() == second.resolve()
    assert publish(keyword_folder, live).name == "default-v3"  # numbers are never used again
    assert publish(keyword_folder, live.with_name("small")).name == "small-v1"
    with pytest.raises(ReleaseError, match="default-v9 to go back to: name one of default-v1, default-v2, default-v3 with --to"):
        roll_back(live, "default-v9")
    with pytest.raises(ReleaseError, match="versions holds none of its name"):
        roll_back(live.with_name("other"), None)


def test_rolling_back_passes_over_a_version_that_was_taken_back(keyword_folder: Path, tmp_path: Path) -> None:
    live = tmp_path / "models" / "default"
    publish(keyword_folder, live)
    publish(keyword_folder, live)
    roll_back(live, None)
    publish(keyword_folder, live)

    assert roll_back(live, None).name == "default-v1"
    with pytest.raises(ReleaseError, match="no version before this one"):
        roll_back(live, None)


def test_versions_without_a_record_roll_back_by_number(keyword_folder: Path, tmp_path: Path) -> None:
    live = tmp_path / "default"
    for _ in range(2):
        (publish(keyword_folder, live) / "replaced").unlink()

    assert roll_back(live, None).name == "default-v1"


def test_one_release_at_a_time(keyword_folder: Path, tmp_path: Path) -> None:
    live = tmp_path / "default"
    publish(keyword_folder, live)

    with hold(tmp_path / "versions"):
        with pytest.raises(LockedError):
            publish(keyword_folder, live)
        with pytest.raises(LockedError):
            roll_back(live, "default-v1")

    assert publish(keyword_folder, live).name == "default-v2"


def test_a_candidate_that_changes_while_it_is_copied_is_not_released(
    keyword_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def copy(source: Path, to: Path) -> None:
        copytree(source, to)
        (to / "thresholds.json").unlink()

    copytree = shutil.copytree
    monkeypatch.setattr(shutil, "copytree", copy)
    with pytest.raises(ModelError, match=r"thresholds\.json missing"):
        publish(keyword_folder, tmp_path / "default")

    assert not versions(tmp_path / "default")


def test_a_released_version_keeps_its_evaluation(keyword_folder: Path, tmp_path: Path) -> None:
    live = tmp_path / "default"
    publish(keyword_folder, live)

    with pytest.raises(ReleaseError, match="is a released version"):
        evaluate(live, config=ROOT / "configs/training.yaml", rubric=ROOT / "configs/rubric.yaml", against=live)


def test_a_model_that_lacks_a_label_of_the_rubric_is_not_evaluated(keyword_folder: Path, tmp_path: Path) -> None:
    model = shutil.copytree(keyword_folder, tmp_path / "candidate")
    labels = json.loads((model / "labels.json").read_text())
    (model / "labels.json").write_text(json.dumps([label for label in labels if label["name"] != "deflection"]))

    with pytest.raises(ConfigError, match="deflection"):
        evaluate(model, config=ROOT / "configs/training.yaml", rubric=ROOT / "configs/rubric.yaml", against=tmp_path / "none")


def test_a_released_version_is_never_trained_into(keyword_folder: Path, tmp_path: Path) -> None:
    live = tmp_path / "default"
    version = publish(keyword_folder, live)

    for folder in (live, version, tmp_path / "versions" / "other"):
        with pytest.raises(ReleaseError, match="is a released version"):
            check_unreleased(folder)
    check_unreleased(tmp_path / "candidate")


def test_a_folder_in_the_place_of_the_link_is_not_overwritten(keyword_folder: Path, tmp_path: Path) -> None:
    live = tmp_path / "default"
    live.mkdir()
    (live / "mine").write_text("kept")

    with pytest.raises(ReleaseError, match="not a link"):
        publish(keyword_folder, live)
    publish(keyword_folder, tmp_path / "other").rename(tmp_path / "versions" / "default-v1")
    with pytest.raises(ReleaseError, match="not a link"):
        roll_back(live, "default-v1")

    assert (live / "mine").read_text() == "kept"


def test_a_label_is_doubted_where_the_contrary_is_as_likely_as_where_it_is_so() -> None:
    probabilities = np.array([0.9, 0.7, 0.05, 0.1, 0.85, 0.2])
    truth = np.array([True, True, True, False, False, False])

    # mean where given: 0.55; mean of the contrary where not given: (0.9 + 0.15 + 0.8) / 3 = 0.617
    assert doubted(probabilities, truth).tolist() == [False, False, True, False, True, False]


def test_the_shipped_model_is_a_version_that_its_own_evaluation_describes() -> None:
    models = Path(__file__).parents[2] / "models"

    assert (models / "default").is_symlink() and (models / "default").resolve().parent == models / "versions"
    report = json.loads((models / "default" / "evaluation.json").read_text())
    assert not report["shared_calls"]
    assert report["mean_f1_of_behaviours"] > report["mean_tfidf_f1"] > report["mean_lexicon_f1"]

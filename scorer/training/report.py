"""What does an evaluation leave in the model folder? Its numbers, a page with pictures to read them, and the model card."""

import json
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, select_autoescape
from markupsafe import Markup

from scorer.training import charts
from scorer.training.card import write_card
from scorer.training.slices import SLICED_BY


def write_report(folder: Path, report: dict[str, Any]) -> None:
    """Write evaluation.json, evaluation.html and README.md."""
    (folder / "evaluation.json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    write_page(folder, report)
    write_card(folder, report)


def write_page(folder: Path, report: dict[str, Any]) -> Path:
    """Write evaluation.html into the model folder: one file, which needs neither network nor script."""
    environment = Environment(loader=PackageLoader("scorer.training", "pages"), autoescape=select_autoescape(), trim_blocks=True)
    pictures = {
        "f1": charts.f1_chart(report["labels"]),
        "calibration": charts.calibration_chart(report["labels"]),
        "scores": charts.scores_chart(report["agreement"]["scores"]),
        **{f"slices_{by}": charts.slices_chart(report["slices"], by) for by in SLICED_BY},
    }
    if report["released"]:
        pictures["difference"] = charts.difference_chart(report["released"])
    page = environment.get_template("evaluation.html").render(
        report=report, pictures={name: Markup(picture) for name, picture in pictures.items()}, sliced_by=SLICED_BY, name=folder.name
    )
    path = folder / "evaluation.html"
    path.write_text(page, encoding="utf-8")
    return path

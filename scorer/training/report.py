"""What does an evaluation leave in the model folder? Its numbers, its page and the model card."""

import json
from pathlib import Path
from typing import Any

from scorer.training.card import write_card
from scorer.training.page import write_page


def write_report(folder: Path, report: dict[str, Any]) -> None:
    """Write evaluation.json, evaluation.html and README.md."""
    (folder / "evaluation.json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    write_page(folder, report)
    write_card(folder, report)

"""One small call in every format, and an import of files as a user runs it."""

import csv
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from scorer.importing.importer import import_sources, rejects_path

ROOT = Path(__file__).parents[1]
FIXTURES = Path(__file__).parent / "importing/fixtures"
CONFIG = ROOT / "configs/scoring.yaml"
# The call that every fixture holds: role, start, end, text. The customer begins 0.2 s before the agent is done.
CALL = (
    ("agent", 0.5, 2.5, "Good morning, Mill Lane Bikes, how can I help?"),
    ("customer", 2.3, 5.0, "My order [PII] came with a broken wheel."),
    ("agent", 5.5, 7.5, "I am sorry, I will fix it today."),
    ("customer", 7.8, 8.4, "Thanks."),
    ("agent", 8.9, 9.5, "Goodbye."),
)


def run_import(*sources: object, out: Path, role_map: str = "", **options: Any) -> tuple[list[dict[str, Any]], list[dict[str, str]]]:
    """The calls and the rejects of an import."""
    named: dict[str, Any] = {"config": CONFIG, "format_name": "auto", "speaker_pattern": None} | options
    import_sources([str(source) for source in sources], out=out, role_map=role_map, progress=lambda done, total: None, **named)
    with rejects_path(out).open(encoding="utf-8", newline="") as file:
        return pq.read_table(out).to_pylist(), list(csv.DictReader(file))


def reasons(*sources: object, out: Path, **options: Any) -> list[str]:
    """The reasons of the rejects; no call may come through."""
    calls, rejects = run_import(*sources, out=out, **options)
    assert calls == []
    return [row["reason"] for row in rejects]

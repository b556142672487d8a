"""What does Prometheus see of a night? A file for node_exporter's textfile collector, put in place whole."""

import os
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, Gauge, write_to_textfile

from scorer.durable import unwritable
from scorer.errors import RunError


def check_metrics(path: Path) -> None:
    """Raise RunError where the metrics file could not be written, before a night that would only find out at its end."""
    if not (path.parent.is_dir() and os.access(path.parent, os.W_OK)) or path.is_dir():
        raise RunError(f"{path}: the metrics file cannot be written there: name a file in a folder that is there and may be written to")


def write_metrics(path: Path, *, exit_code: int, finished: float, run: dict[str, Any] | None) -> None:
    """Write how the last run ended and, where it is complete, what it counted.

    `finished` is seconds since 1970. Raises RunError where the file cannot be written.
    """
    registry = CollectorRegistry()
    _gauge(registry, "exit_code", "How the last run ended: 0 done, 4 done, but beyond a limit of the config, else not done.", exit_code)
    _gauge(registry, "finished_timestamp_seconds", "When the last run ended.", finished)
    if run is not None:
        counts = run["counts"]
        _gauge(registry, "run_seconds", "How long it took.", run["seconds"])
        for name in ("calls", "segments", "rows_scored", "rows_rejected", "files_rejected", "flagged_calls"):
            _gauge(registry, name, f"{name.replace('_', ' ')} of the last complete run.", counts[name])
        unknown = counts["notes"].get("unknown_speaker", 0)
        _gauge(registry, "unknown_speakers", "Segments of which nobody knows who speaks, of the last complete run.", unknown)
        rejects = Gauge("scorer_rejects", "Rejected rows, or files, by reason.", ["reason"], registry=registry)
        for reason, number in counts["rejects"].items():
            rejects.labels(reason).set(number)
    try:
        write_to_textfile(str(path), registry)  # writes beside it and renames
    except OSError as error:
        raise unwritable(path, error) from error


def _gauge(registry: CollectorRegistry, name: str, about: str, value: float) -> None:
    Gauge(f"scorer_{name}", about, registry=registry).set(value)

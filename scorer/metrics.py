"""What does Prometheus see of a night? A file for node_exporter's textfile collector, put in place whole."""

from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, Gauge, write_to_textfile

from scorer.durable import unwritable


def write_metrics(path: Path, *, exit_code: int, finished: float, run: dict[str, Any] | None) -> None:
    """Write how the last run ended and, where it is complete, what it counted.

    `finished` is seconds since 1970. Raises RunError where the file cannot be written.
    """
    registry = CollectorRegistry()
    _gauge(registry, "exit_code", "How the last run ended: 0 done, 4 done with too many rejects, else not done.", exit_code)
    _gauge(registry, "finished_timestamp_seconds", "When the last run ended.", finished)
    if run is not None:
        counts = run["counts"]
        _gauge(registry, "run_seconds", "How long it took.", run["seconds"])
        for name in ("calls", "segments", "rows_scored", "rows_rejected", "files_rejected", "flagged_calls"):
            _gauge(registry, name, f"{name.replace('_', ' ')} of the last complete run.", counts[name])
        rejects = Gauge("scorer_rejects", "Rejected rows, or files, by reason.", ["reason"], registry=registry)
        for reason, number in counts["rejects"].items():
            rejects.labels(reason).set(number)
    try:
        write_to_textfile(str(path), registry)  # writes beside it and renames
    except OSError as error:
        raise unwritable(path, error) from error


def _gauge(registry: CollectorRegistry, name: str, about: str, value: float) -> None:
    Gauge(f"scorer_{name}", about, registry=registry).set(value)

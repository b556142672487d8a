"""What is told about a run while it goes on? One JSON object a line on stderr, for machines; nothing of a transcript."""

import json
import logging
import sys
import time
from typing import Any

LOGGER = logging.getLogger("scorer")
LOGGER.addHandler(logging.NullHandler())  # silent unless asked for
LEVELS = {  # by event; the others are info
    "failed": logging.ERROR,
    "unwritten": logging.ERROR,
    "rejected": logging.WARNING,
    "retrying": logging.WARNING,
    "waiting": logging.WARNING,
    "worker_lost": logging.WARNING,
    "ray": logging.WARNING,
}


def tell(event: str, **facts: Any) -> None:
    """Log one event: a fixed name, and numbers, ids, paths or our own messages. Never text from a transcript."""
    if not LOGGER.isEnabledFor(logging.INFO):
        return  # nobody asked, though a library's own handler would show a warning
    rejects = facts.get("rows_rejected") or facts.get("files_rejected")
    LOGGER.log(LEVELS.get(event, logging.WARNING if rejects else logging.INFO), event, extra={"facts": facts})


def told(event: str, message: str, **facts: Any) -> None:
    """On stderr: a line for people, or the event for machines."""
    if is_json():
        tell(event, message=message, **facts)
    else:
        print(f"scorer: {message}", file=sys.stderr, flush=True)


class JsonLines(logging.Formatter):
    """Our events with their facts; of what libraries log only who and how bad: their messages may quote cells."""

    def format(self, record: logging.LogRecord) -> str:
        ours = record.name == LOGGER.name
        row = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created)),
            "level": record.levelname.lower(),
            "event": record.msg if ours else "library",
        }
        return json.dumps(row | (getattr(record, "facts", {}) if ours else {"library": record.name}), default=str)


def log_json() -> None:
    """From now on, JSON lines on stderr."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.captureWarnings(True)
    LOGGER.setLevel(logging.INFO)


def is_json() -> bool:
    """Whether JSON lines were asked for."""
    return LOGGER.level == logging.INFO

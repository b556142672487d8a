"""What is mended in a value, and how is that noted?"""

import math
import re
from collections.abc import Mapping
from typing import Any

# What was mended in a row, as bits; the names are those in Call.notes.
MENDS: Mapping[str, int] = {
    "text_null": 1,
    "time_dropped": 2,
    "unknown_speaker": 4,
    "text_repaired": 8,
    "word_time_dropped": 16,
}
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")  # all but newline and tab


def clean_id(value: Any) -> str | None:
    """A call_id as text, None where there is none. Bad bytes are escaped, so that two ids never become one."""
    if value is None:
        return None
    text = value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)
    return text if text.strip() else None


def clean_text(value: str | bytes | None) -> tuple[str, int]:
    """Text without bad bytes and control characters, and what was mended."""
    if value is None:
        return "", MENDS["text_null"]
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
    clean = CONTROL.sub(" ", text)
    return clean, MENDS["text_repaired"] if isinstance(value, bytes) or clean != text else 0


def clean_times(start: float | None, end: float | None) -> tuple[float | None, float | None, bool]:
    """Start and end, or neither and True where one of them cannot be."""
    known = [time for time in (start, end) if time is not None]
    bad = any(not math.isfinite(time) or time < 0 for time in known) or (len(known) == 2 and known[1] < known[0])
    return (None, None, True) if bad else (start, end, False)

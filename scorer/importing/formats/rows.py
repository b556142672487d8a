"""How does a table (CSV, Excel, rows in JSON) hold calls? A row per segment, with the columns that the settings name."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from scorer.importing.decode import BEYOND
from scorer.importing.fields import LONGEST_S
from scorer.importing.source import Format, ImportReason, ReadOptions, SourceCall, SourceError, SourceSegment, on_channels_apart

Row = Mapping[str, Any]
NEEDED = ("speaker", "text")
READ = ("call_id", *NEEDED, "segment_index", "start", "end")  # under the names that the settings give them
READ_AS_NAMED = ("channel", "agent_id", "started_at", "language")


def read(rows: Sequence[Row], options: ReadOptions) -> Iterator[SourceCall]:
    """The calls of one table, rows in any order; without a call_id column the table is one call.

    Overlap can be seen only where a `channel` column says that the parties were recorded apart.
    """
    names = options.columns
    missing = [names[name] for name in NEEDED if not any(names[name] in row for row in rows)]
    if missing:
        raise SourceError(ImportReason.UNEXPECTED_SHAPE, f"no column {' and no column '.join(missing)}: see input.columns in the settings")
    calls: dict[str | None, list[Row]] = {}
    for row in rows:
        calls.setdefault(_text(row.get(names["call_id"])), []).append(row)
    for call_id, found in calls.items():
        try:
            if call_id is None and len(calls) > 1:
                raise SourceError(ImportReason.UNEXPECTED_SHAPE, f"{len(found)} rows without a {names['call_id']}: fill it in on every row")
            yield _call(call_id, found, options)
        except SourceError as error:
            yield SourceCall((), call_id, problem=error)


def _call(call_id: str | None, rows: Sequence[Row], options: ReadOptions) -> SourceCall:
    names = options.columns
    if any(cell.strip() for row in rows for cell in row.get(BEYOND) or ()):
        raise SourceError(
            ImportReason.UNEXPECTED_SHAPE, "a row with more cells than the first line: put texts with the delimiter in quotes"
        )
    in_order = sorted(rows, key=lambda row: _number(row.get(names["segment_index"])) or 0.0)
    segments = tuple(_segment(row, options) for row in in_order)
    agent_id, started_at, language = (_first(rows, name) for name in ("agent_id", "started_at", "language"))
    return SourceCall(
        segments,
        call_id=call_id,
        apart=on_channels_apart(segments),
        agent_id=agent_id,
        started_at=started_at,
        language=language,
    )


def _first(rows: Sequence[Row], name: str) -> str | None:
    return next((text for row in rows if (text := _text(row.get(name)))), None)


def _segment(row: Row, options: ReadOptions) -> SourceSegment:
    names, scale = options.columns, 1000.0 if options.milliseconds else 1.0
    start, end = (_seconds(row.get(names[name]), scale) for name in ("start", "end"))
    channel = _text(row.get("channel"))
    return SourceSegment(
        _text(row.get(names["text"])) or "",
        _text(row.get(names["speaker"])),
        f"ch_{channel}" if channel and channel.isdigit() else channel,
        start_s=start,
        end_s=end,
    )


def _text(value: Any) -> str | None:
    text = "" if value is None else str(int(value) if isinstance(value, float) and value.is_integer() else value).strip()
    return text or None


def _seconds(value: Any, per_second: float) -> float | None:
    number = _number(value)
    if number is not None and number > LONGEST_S * per_second:
        raise SourceError(ImportReason.BAD_TIMES, "a time beyond a week: milliseconds need input.time_unit in the settings")
    return None if number is None else number / per_second


def _number(value: Any) -> float | None:
    """The number of a cell, None where it is empty. Raises SourceError where it holds something else."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise SourceError(ImportReason.BAD_TIMES, "a time or an index that is no number: give seconds or milliseconds") from error
    if not math.isfinite(number) or not 0 <= number <= LONGEST_S * 1000:
        raise SourceError(ImportReason.BAD_TIMES, "a time or an index below zero or far too large")
    return number


def _fits(rows: Any, options: ReadOptions) -> bool:
    return all(any(options.columns[name] in row for row in rows) for name in NEEDED)


def _leaves_out(rows: Sequence[Row], options: ReadOptions) -> list[str]:
    """The names of the columns that no call keeps."""
    known = {*(options.columns[name] for name in READ), *READ_AS_NAMED, BEYOND, ""}
    return [name for name in dict.fromkeys(name for row in rows for name in row) if name not in known]


FORMAT = Format(
    "rows",
    "CSV, Excel, rows in JSON",
    "table",
    (),
    read,
    _fits,
    "columns for speaker and text, as named in the settings",
    leaves_out=_leaves_out,
)

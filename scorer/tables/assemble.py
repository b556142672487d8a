"""How do the rows of one call become a Call, or a Reject?"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pyarrow as pa

from scorer.config import Limits
from scorer.records import Call, Reject, RejectReason, Segment, Speaker, Word
from scorer.tables.aside import fetch
from scorer.tables.carried import decode, differ
from scorer.tables.mend import MENDS
from scorer.tables.spool import SpoolRow


@dataclass(frozen=True, slots=True)
class Assembler:
    """Joins rows; knows the names of the files, the carried columns of each, and those of all together."""

    files: tuple[str, ...]
    schemas: Mapping[int, pa.Schema]  # by number of the file
    carried: pa.Schema
    limits: Limits
    aside: Path  # what rows hold that were too wide to be sorted

    def assemble(self, call_id: str, rows: Sequence[SpoolRow]) -> Call | Reject:
        """One call from all its rows, which come in input order. Raises RunError where what was put aside cannot be read."""
        problem = _problem(rows, self.limits)
        if problem:
            source = ", ".join(self.files[number] for number in sorted({row.file for row in rows}))
            return Reject(problem[0], source, call_id, rows=len(rows), detail=problem[1])
        rows = [self._whole(row) for row in rows]
        fields, notes = self._join_fields(rows)
        segments = tuple(_segment(index, row) for index, row in enumerate(_in_order(rows)))
        return Call(call_id, segments, fields, _mend_notes(rows, segments) | notes, rows=len(rows))

    def _whole(self, row: SpoolRow) -> SpoolRow:
        return row if row.aside is None else row._replace(**fetch(self.aside, row.aside))

    def _join_fields(self, rows: Sequence[SpoolRow]) -> tuple[Mapping[str, Any], dict[str, int]]:
        """The first value of each carried column, and how many columns have several or lost one."""
        fields: dict[str, Any] = dict.fromkeys(self.carried.names)
        conflicts: set[str] = set()
        for row in rows:
            if row.fields is None:
                continue
            conflicts.update(self.schemas[row.file].names[at] for at in row.conflicts or ())
            for name, value in decode(row.fields, self.schemas[row.file], self.carried).items():
                if fields[name] is None:
                    fields[name] = value
                elif differ(fields[name], value):
                    conflicts.add(name)
        counts = {"conflicting_fields": len(conflicts), "field_dropped": sum(row.dropped or 0 for row in rows)}
        return fields, {note: count for note, count in counts.items() if count}


def _problem(rows: Sequence[SpoolRow], limits: Limits) -> tuple[RejectReason, str] | None:
    nested = {(row.file, row.row) for row in rows if row.pos is not None}
    flat = sum(row.pos is None for row in rows)
    if len(nested) > 1 or (nested and flat):
        detail = f"{len(nested)} rows with a list of segments and {flat} segment rows: give each call once"
        return RejectReason.CONFLICTING_CALL_ROWS, detail
    if rows[0].pos == -1:
        return RejectReason.NO_SEGMENTS, "the list of segments is null or empty"
    longest = max(row.characters for row in rows)
    if longest > limits.segment_characters:
        return RejectReason.SEGMENT_TOO_LONG, f"{longest} characters, limits.segment_characters allows {limits.segment_characters}"
    width = sum(row.width for row in rows)
    if width > limits.call_mb << 20:
        return RejectReason.CALL_TOO_LARGE, f"text, words and own columns take {width >> 20} MB, limits.call_mb allows {limits.call_mb}"
    counts = Counter(row.segment_index for row in rows if row.segment_index is not None)
    twice = sum(count > 1 for count in counts.values())
    if twice:
        return RejectReason.DUPLICATE_SEGMENT_INDEX, f"{twice} segment index(es) there more than once"
    return None


def _in_order(rows: Sequence[SpoolRow]) -> list[SpoolRow]:
    if all(row.segment_index is not None for row in rows):
        return sorted(rows, key=lambda row: cast(int, row.segment_index))
    if all(row.start_s is not None for row in rows):
        return sorted(rows, key=lambda row: cast(float, row.start_s))
    return list(rows)


def _segment(index: int, row: SpoolRow) -> Segment:
    words = tuple(Word(word["text"], word["start_s"], word["end_s"]) for word in row.words or ())
    return Segment(index, cast(Speaker, row.speaker), row.text, row.start_s, row.end_s, words)


def _mend_notes(rows: Sequence[SpoolRow], segments: Sequence[Segment]) -> dict[str, int]:
    notes = {note: count for note, bit in MENDS.items() if (count := sum(bool(row.mends & bit) for row in rows))}
    parties = {segment.speaker for segment in segments}
    return notes | {f"no_{party}": 1 for party in ("agent", "customer") if party not in parties}

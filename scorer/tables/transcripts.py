"""How are imported calls written for a night to read? One row per call, with its segments inside."""

from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import pyarrow as pa
import pyarrow.parquet as pq

from scorer.durable import publish, unwritable
from scorer.records import Word

GROUP_SEGMENTS = 20_000  # segments that are held before a row group is written
VERSION_KEY = b"scorer_import_version"
VERSION = b"1"  # raise it when a column is renamed, retyped or dropped
WORD = pa.struct([("text", pa.string()), ("start", pa.float64()), ("end", pa.float64())])
SEGMENT = pa.struct(
    [
        ("segment_index", pa.int32()),
        ("speaker", pa.string()),  # the role
        ("text", pa.string()),
        ("start", pa.float64()),
        ("end", pa.float64()),
        ("words", pa.list_(WORD)),
        ("speaker_label", pa.string()),
        ("channel", pa.string()),
        ("role_source", pa.string()),
        ("asr_confidence", pa.float64()),
    ]
)
INTERRUPTION = pa.struct([("by", pa.string()), ("start", pa.float64()), ("end", pa.float64())])
SCHEMA = pa.schema(
    [
        ("call_id", pa.string()),
        ("segments", pa.list_(SEGMENT)),
        ("agent_id", pa.string()),
        ("started_at", pa.string()),
        ("language", pa.string()),
        ("tier", pa.string()),
        ("role_source", pa.string()),
        ("role_suspect", pa.bool_()),
        ("source_format", pa.string()),
        ("source_uri", pa.string()),
        ("vendor_interruptions", pa.list_(INTERRUPTION)),
    ],
    metadata={VERSION_KEY: VERSION},
)


@dataclass(frozen=True, slots=True)
class SegmentRow:
    """One segment as it is written. `end` is null where the source cannot show overlap, so that none is seen."""

    segment_index: int
    speaker: str
    text: str
    start: float | None
    end: float | None
    words: tuple[Word, ...]
    speaker_label: str | None
    channel: str | None
    role_source: str
    asr_confidence: float | None


@dataclass(frozen=True, slots=True)
class CallRow:
    """One call as it is written. `vendor_interruptions` are (by, start, end), None where the source does not count them."""

    call_id: str
    segments: tuple[SegmentRow, ...]
    agent_id: str | None
    started_at: str | None
    language: str | None
    tier: str
    role_source: str  # those of the segments, the weakest first
    role_suspect: bool
    source_format: str
    source_uri: str
    vendor_interruptions: tuple[tuple[str, float, float | None], ...] | None


class TranscriptWriter:
    """Writes imported calls row group by row group; the file has its name only after the `with` block ended well.

    Raises RunError where the file cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._staging = path.with_name(f".{path.name}.part")
        self._rows: list[CallRow] = []
        self._segments = 0

    def __enter__(self) -> Self:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = pq.ParquetWriter(self._staging, SCHEMA, compression="zstd", write_page_checksum=True)
        except OSError as error:
            raise unwritable(self._path, error) from error
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            if error is None:
                self._flush()
            self._file.close()
            if error is None:
                publish(self._staging, self._path)
        except OSError as problem:
            if error is None:
                raise unwritable(self._path, problem) from problem
        finally:
            self._staging.unlink(missing_ok=True)

    def add(self, call: CallRow) -> None:
        """Keep one call."""
        self._rows.append(call)
        self._segments += len(call.segments)
        if self._segments >= GROUP_SEGMENTS:
            self._flush()

    def _flush(self) -> None:
        try:
            if self._rows:
                self._file.write_table(pa.Table.from_pylist([_as_dict(row) for row in self._rows], schema=SCHEMA))
        except OSError as error:
            raise unwritable(self._path, error) from error
        self._rows.clear()
        self._segments = 0


def _as_dict(row: CallRow) -> dict[str, object]:
    found = row.vendor_interruptions
    counted = None if found is None else [{"by": by, "start": start, "end": end} for by, start, end in found]
    fields = {name: getattr(row, name) for name in CallRow.__dataclass_fields__}
    return fields | {"segments": [_segment(segment) for segment in row.segments], "vendor_interruptions": counted}


def _segment(segment: SegmentRow) -> dict[str, object]:
    fields = {name: getattr(segment, name) for name in SegmentRow.__dataclass_fields__}
    words = [{"text": word.text, "start": word.start_s, "end": word.end_s} for word in segment.words]
    return fields | {"words": words or None}

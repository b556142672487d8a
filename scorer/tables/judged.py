"""What did the model say in a finished run?"""

import json
from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from scorer.errors import InputError, RunError
from scorer.labels import Label, names
from scorer.manifest import TableFile, read_run, shards_of
from scorer.records import Call, JudgedCall, Reject, RejectReason, Segment, SegmentPrediction
from scorer.tables.files import open_parquet, read_batches, reading
from scorer.tables.schemas import CARRIED_KEY, VERSION, VERSION_KEY


def read_judged(
    run: Path, labels: Sequence[Label], *, call_ids: Sequence[str] | None = None
) -> Iterator[tuple[JudgedCall, dict[str, Any]]]:
    """The calls of a run with their predictions, each beside its row in calls/: shard by shard, in each in ascending order of call_id.

    Words and the number of input rows are not stored, so they are missing. `call_ids` picks some calls.
    Raises RunError where the run is missing, damaged, of another version, or of a model with other labels.
    """
    try:
        carried = _check(run, labels)
        segments = groupby(_rows(run, "segments", call_ids), key=itemgetter("call_id"))
        waiting = next(segments, None)
        for row in _rows(run, "calls", call_ids):
            found: list[dict[str, Any]] = []
            if waiting and waiting[0] == row["call_id"]:
                found = list(waiting[1])
                waiting = next(segments, None)
            yield _judged(row, found, carried=carried, labels=names(labels)), row
    except InputError as error:
        raise RunError(f"{error}; or run the night again into another folder") from error
    if waiting:
        raise RunError(f"{run}: segments/ holds calls that calls/ does not: run the night again into another folder")


def carried_of(run: Path) -> pa.Schema:
    """The carried columns of a run, as RunTables needs them. Raises RunError where there is no run."""
    schema = _schema(run, "calls")
    origin: dict[str, str] = json.loads(schema.metadata[CARRIED_KEY])
    return pa.schema([(name, schema.field(output).type) for output, name in origin.items()])


def _check(run: Path, labels: Sequence[Label]) -> dict[str, str]:
    found = {name.removeprefix("p_") for name in _schema(run, "segments").names if name.startswith("p_")}
    if found != set(names(labels)):
        raise RunError(f"{run} has the labels {sorted(found)}, the model has {sorted(names(labels))}: use the model of that run")
    origin: dict[str, str] = json.loads(_schema(run, "calls").metadata[CARRIED_KEY])
    return origin


def _schema(run: Path, table: str) -> pa.Schema:
    folder = run / table
    try:
        with open_parquet(next(iter(table_files(run, table)))) as file:
            schema = file.schema_arrow
    except InputError as error:
        raise RunError(f"{error}; or run the night again into another folder") from error
    found = (schema.metadata or {}).get(VERSION_KEY, b"none").decode("utf-8", "replace")
    if found != VERSION:
        raise RunError(f"{folder} has schema version {found}, this scorer reads {VERSION}: run the night again into another folder")
    return schema


def table_files(run: Path, table: str) -> dict[Path, TableFile]:
    """The files of a table: those that run.json names, whatever else is there. Raises RunError where one is missing or cut."""
    files = {run / table / f"{shard.id}.parquet": shard.tables[table] for shard in shards_of(read_run(run))}
    for path, file in files.items():
        if not path.is_file() or path.stat().st_size != file.size:
            raise _damaged(path)
    return files


def _damaged(path: Path) -> RunError:
    return RunError(f"{path}: missing or not what run.json says: restore it, or give the same scorer score command again")


def _rows(run: Path, table: str, call_ids: Sequence[str] | None) -> Iterator[dict[str, Any]]:
    """All rows, or those of some calls. Raises RunError where a file is not what it was; for some calls the page checksums must do."""
    for path, file in table_files(run, table).items():
        if call_ids is None and not file.is_at(path):
            raise _damaged(path)
        if call_ids is not None:
            wanted = [("call_id", "in", list(call_ids))]
            with reading(path):
                found = pq.read_table(path, filters=wanted, partitioning=None, page_checksum_verification=True)
            yield from found.to_pylist()
            continue
        with open_parquet(path) as parquet:
            for batch in read_batches(parquet):
                yield from batch.to_pylist()


def _judged(row: dict[str, Any], rows: Sequence[dict[str, Any]], *, carried: dict[str, str], labels: Sequence[str]) -> JudgedCall:
    segments = tuple(Segment(x["segment_index"], x["speaker"], x["text"], x["start_s"], x["end_s"]) for x in rows)
    fields = {name: row[output] for output, name in carried.items()}
    notes = {item["note"]: item["count"] for item in row["notes"]}
    return JudgedCall(Call(row["call_id"], segments, fields, notes), tuple(_prediction(x, labels) for x in rows))


def _prediction(row: dict[str, Any], labels: Sequence[str]) -> SegmentPrediction:
    known = {label: row[f"p_{label}"] for label in labels if row[f"p_{label}"] is not None}
    return SegmentPrediction(known, frozenset(row["labels"]), row["overlap_s"], row["tier"])


def read_rejects(run: Path) -> Iterator[Reject]:
    """The rejects of a finished run, as they were written."""
    for row in _rows(run, "rejects", None):
        yield Reject(RejectReason(row["reason"]), row["source"], row["call_id"], row["rows"], row["detail"], row["stage"])

"""What did the model say in a finished run?"""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from scorer.errors import InputError, RunError
from scorer.labels import Label, names
from scorer.manifest import TableFile, read_run, shards_of
from scorer.records import Call, JudgedCall, Reject, RejectReason, Segment, SegmentPrediction
from scorer.tables.files import open_parquet, read_batches
from scorer.tables.schemas import CARRIED_KEY, VERSION, VERSION_KEY

NOTHING: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Group:
    """Some whole calls of a run as they are stored: their rows in calls/, and as many in segments/ as those say, in the same order."""

    calls: pa.Table
    segments: pa.Table


@dataclass(frozen=True, slots=True)
class GroupPlace:
    """Where a group lies: row group `number` of two files."""

    calls: Path
    segments: Path
    number: int


def read_judged(
    run: Path, labels: Sequence[Label], *, call_ids: Sequence[str] | None = None
) -> Iterator[tuple[JudgedCall, dict[str, Any]]]:
    """The calls of a run with their predictions, each beside its row in calls/: shard by shard, in each in ascending order of call_id.

    Words and the number of input rows are not stored, so they are missing. `call_ids` picks some calls.
    Raises RunError where the run is missing, damaged, of another version, or of a model with other labels.
    """
    groups = map(read_group, group_places(run)) if call_ids is None else _picked(run, call_ids)
    check_labels(run, labels)
    for group in groups:
        yield from judged_of(group, labels)


def group_places(run: Path) -> list[GroupPlace]:
    """All groups of a run, in order. Raises RunError where the run is missing, or a file is not what run.json says."""
    found = []
    for calls, segments in zip(_whole_files(run, "calls"), _whole_files(run, "segments"), strict=True):
        with _refusing(), open_parquet(calls) as file:
            found += [GroupPlace(calls, segments, number) for number in range(file.num_row_groups)]
    return found


def read_group(place: GroupPlace) -> Group:
    """Read one group. Raises RunError where its two sides do not belong together or cannot be read."""
    return Group(_row_group(place.calls, place.number), _row_group(place.segments, place.number))


def judged_of(group: Group, labels: Sequence[Label]) -> Iterator[tuple[JudgedCall, dict[str, Any]]]:
    """The calls of a group, each beside its row in calls/. Raises RunError where segments and calls do not belong together."""
    carried: dict[str, str] = json.loads(group.calls.schema.metadata[CARRIED_KEY])
    rows = group.calls.to_pylist()
    owners = [row["call_id"] for row in rows for _ in range(row["segments"])]
    if owners != group.segments.column("call_id").to_pylist():
        raise RunError("segments/ and calls/ do not hold the same calls: run the night again into another folder")
    segments, predictions = iter(_segments(group.segments)), iter(_predictions(group.segments, names(labels)))
    for row in rows:
        fields = {name: row[output] for output, name in carried.items()}
        notes = {item["note"]: item["count"] for item in row["notes"]}
        call = Call(row["call_id"], tuple(islice(segments, row["segments"])), fields, notes)
        yield JudgedCall(call, tuple(islice(predictions, row["segments"]))), row


def carried_of(run: Path) -> pa.Schema:
    """The carried columns of a run, as RunTables needs them. Raises RunError where there is no run."""
    schema = _schema(run, "calls")
    origin: dict[str, str] = json.loads(schema.metadata[CARRIED_KEY])
    return pa.schema([(name, schema.field(output).type) for output, name in origin.items()])


def check_labels(run: Path, labels: Sequence[Label]) -> None:
    """Raise RunError where a run was made with other labels."""
    found = {name.removeprefix("p_") for name in _schema(run, "segments").names if name.startswith("p_")}
    if found != set(names(labels)):
        raise RunError(f"{run} has the labels {sorted(found)}, the model has {sorted(names(labels))}: use the model of that run")


def _schema(run: Path, table: str) -> pa.Schema:
    folder = run / table
    with _refusing(), open_parquet(next(iter(table_files(run, table)))) as file:
        schema = file.schema_arrow
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


def _whole_files(run: Path, table: str) -> Iterator[Path]:
    """The files of a table, each as soon as it has been found to be what it was."""
    for path, file in table_files(run, table).items():
        if not file.is_at(path):
            raise _damaged(path)
        yield path


def _row_group(path: Path, number: int) -> pa.Table:
    with _refusing(), open_parquet(path) as file:
        if number >= file.num_row_groups:
            raise _damaged(path)
        found = file.read_row_group(number)
        found.validate(full=True)
        if found.num_rows != file.metadata.row_group(number).num_rows:  # see read_batches
            raise _damaged(path)
        return found


def _picked(run: Path, call_ids: Sequence[str]) -> Iterator[Group]:
    """The rows of some calls; the files' hashes are not taken for them, page checksums must do."""
    for calls, segments in zip(table_files(run, "calls"), table_files(run, "segments"), strict=True):
        yield Group(_rows_of(calls, call_ids), _rows_of(segments, call_ids))


def _rows_of(path: Path, call_ids: Sequence[str]) -> pa.Table:
    """Their rows in one file; row groups that hold none of them are not read."""
    wanted = pa.array(call_ids, pa.string())
    with _refusing(), open_parquet(path) as file:
        places = [number for number in range(file.num_row_groups) if _may_hold(file.metadata.row_group(number), call_ids)]
        places = [number for number in places if pc.any(pc.is_in(file.read_row_group(number, ["call_id"])[0], wanted)).as_py()]
        found = file.read_row_groups(places)
        return found.filter(pc.is_in(found.column("call_id"), wanted))


def _may_hold(group: pq.RowGroupMetaData, call_ids: Sequence[str]) -> bool:
    known = group.column(0).statistics  # call_id is the first column of both tables
    return known is None or not known.has_min_max or any(known.min <= call_id <= known.max for call_id in call_ids)


@contextmanager
def _refusing() -> Iterator[None]:
    """Turn what is said of a user's file into what to do about a file of ours."""
    try:
        yield
    except InputError as error:
        raise RunError(f"{error}; or run the night again into another folder") from error


def _segments(rows: pa.Table) -> Iterator[Segment]:
    said = (rows.column(name).to_pylist() for name in ("speaker", "text"))
    return map(Segment, rows.column("segment_index").to_pylist(), *said, _numbers(rows, "start_s"), _numbers(rows, "end_s"))


def _predictions(rows: pa.Table, labels: Sequence[str]) -> Iterator[SegmentPrediction]:
    chances = np.stack([rows.column(f"p_{label}").to_numpy() for label in labels], axis=1)
    known = ~np.isnan(chances)
    each_chance = iter(chances[known].tolist())
    kinds = known.view(f"V{len(labels)}").ravel().tolist()  # which labels a row has: those of its speaker, so there are few kinds
    names = {kind: [label for label, has in zip(labels, kind, strict=True) if has] for kind in set(kinds)}
    given = rows.column("labels")
    counts, each = pc.list_value_length(given).to_pylist(), iter(pc.list_flatten(given).to_pylist())
    told = zip(kinds, counts, _numbers(rows, "overlap_s"), rows.column("tier").to_pylist(), strict=True)
    for kind, count, overlap_s, tier in told:
        found = dict(zip(names[kind], each_chance, strict=False))  # takes as many as there are names
        yield SegmentPrediction(found, frozenset(islice(each, count)) if count else NOTHING, overlap_s, tier)


def _numbers(rows: pa.Table, name: str) -> list[float | None]:
    """A column of numbers, None where there is none: by way of NumPy, since Arrow makes them one by one."""
    return [None if number != number else number for number in rows.column(name).to_numpy().tolist()]  # NaN is not itself


def read_rejects(run: Path) -> Iterator[Reject]:
    """The rejects of a finished run, as they were written."""
    for path in _whole_files(run, "rejects"):
        with _refusing(), open_parquet(path) as file:
            for batch in read_batches(file):
                for row in batch.to_pylist():
                    yield Reject(RejectReason(row["reason"]), row["source"], row["call_id"], row["rows"], row["detail"], row["stage"])

"""What did the model say in a finished run?"""

import json
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from scorer.errors import InputError, RunError
from scorer.labels import Label, names
from scorer.manifest import TableFile, read_run, shards_of
from scorer.records import Call, Heard, JudgedCall, Reject, RejectReason, Segment, SegmentPrediction
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
    """Where a group lies: row group `number` of two files, and its flags somewhere in a third."""

    calls: Path
    segments: Path
    flags: Path
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
    for calls, segments, flags in zip(*(_whole_files(run, table) for table in ("calls", "segments", "flags")), strict=True):
        with _refusing(), open_parquet(calls) as file:
            found += [GroupPlace(calls, segments, flags, number) for number in range(file.num_row_groups)]
    return found


def read_group(place: GroupPlace) -> Group:
    """Read one group. Raises RunError where its two sides do not belong together or cannot be read."""
    return Group(_row_group(place.calls, place.number), _row_group(place.segments, place.number))


def flagged_by(rule: str, place: GroupPlace, group: Group) -> set[str]:
    """The calls of a group that were flagged by a rule."""
    call_ids = group.calls.column("call_id").to_pylist()
    with _refusing(), open_parquet(place.flags) as file:
        flags = file.read_row_groups(_near(file, call_ids), ["call_id", "rule"])
    return set(flags.filter(pc.equal(flags.column("rule"), rule)).column("call_id").to_pylist()).intersection(call_ids)


def judged_of(group: Group, labels: Sequence[Label]) -> Iterator[tuple[JudgedCall, dict[str, Any]]]:
    """The calls of a group, each beside its row in calls/. Raises RunError where segments and calls do not belong together."""
    carried, rows = carried_names(group.calls.schema), group.calls.to_pylist()
    _check_owners(group)
    segments, predictions = iter(_segments(group.segments)), iter(_predictions(group.segments, names(labels)))
    for row in rows:
        fields = {name: row[output] for output, name in carried.items()}
        call = Call(row["call_id"], tuple(islice(segments, row["segments"])), fields, notes_of(row))
        yield JudgedCall(call, tuple(islice(predictions, row["segments"]))), row


def notes_of(row: Mapping[str, Any]) -> dict[str, int]:
    """The notes of a row in calls/, as `Call.notes` has them."""
    return {item["note"]: item["count"] for item in row["notes"]}


def heard_of(group: Group, labels: Sequence[Label]) -> Iterator[Heard]:
    """The calls of a group as scoring asks for them; as `judged_of`, but from columns to columns, which takes a fraction of the time."""
    _check_owners(group)
    rows = group.segments.combine_chunks()
    speakers, texts, tiers = (rows.column(name).to_pylist() for name in ("speaker", "text", "tier"))
    starts_s, words = _numbers(rows, "start_s"), [bool(text.strip()) for text in texts]
    chances = {name: np.nan_to_num(rows.column(f"p_{name}").to_numpy()).tolist() for name in names(labels)}
    given = _given(rows)
    ends = [0, *pc.cumulative_sum(group.calls.column("segments").cast(pa.int64())).to_pylist()]
    for call_id, (start, end) in zip(group.calls.column("call_id").to_pylist(), pairwise(ends), strict=True):
        said = slice(start, end)
        spoken = list(enumerate(zip(speakers[said], words[said], strict=True)))
        yield Heard(
            call_id=call_id,
            speakers=speakers[said],
            texts=texts[said],
            starts_s=starts_s[said],
            tiers=tiers[said],
            probabilities={name: column[said] for name, column in chances.items()},
            labels={
                name: frozenset(row - start for row in places[bisect_left(places, start) : bisect_left(places, end)])
                for name, places in given.items()
            },
            agent=[at for at, (speaker, has) in spoken if has and speaker == "agent"],
            customer=[at for at, (speaker, has) in spoken if has and speaker == "customer"],
        )


def _given(rows: pa.Table) -> dict[str, list[int]]:
    """The rows that carry each label, ascending."""
    given = rows.column("labels")
    places: dict[str, list[int]] = {}
    for label, row in zip(pc.list_flatten(given).to_pylist(), pc.list_parent_indices(given).to_pylist(), strict=True):
        places.setdefault(label, []).append(row)
    return places


def _check_owners(group: Group) -> None:
    """Raise RunError where segments and calls do not belong together."""
    counts = group.calls.column("segments").to_numpy()
    owners = group.calls.column("call_id").take(pa.array(np.repeat(np.arange(len(counts)), counts)))
    if owners != group.segments.column("call_id"):
        raise RunError("segments/ and calls/ do not hold the same calls: run the night again into another folder")


def carried_of(run: Path) -> pa.Schema:
    """The carried columns of a run, as RunTables needs them. Raises RunError where there is no run."""
    schema = _schema(run, "calls")
    return pa.schema([(name, schema.field(output).type) for output, name in carried_names(schema).items()])


def carried_names(schema: pa.Schema) -> dict[str, str]:
    """Of a calls/ table, the name in the input of each carried column."""
    found: dict[str, str] = json.loads(schema.metadata[CARRIED_KEY])
    return found


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
        places = [
            number for number in _near(file, call_ids) if pc.any(pc.is_in(file.read_row_group(number, ["call_id"])[0], wanted)).as_py()
        ]
        found = file.read_row_groups(places)
        return found.filter(pc.is_in(found.column("call_id"), wanted))


def _near(file: pq.ParquetFile, call_ids: Sequence[str]) -> list[int]:
    """The row groups that may hold one of the calls."""
    return [number for number in range(file.num_row_groups) if _may_hold(file.metadata.row_group(number), call_ids)]


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


def read_call_ids(run: Path) -> Iterator[str]:
    """The call_id of every call of a finished run, in the order of its rows."""
    for path in _whole_files(run, "calls"):
        with _refusing(), open_parquet(path) as file:
            for batch in read_batches(file, columns=["call_id"]):
                yield from batch.column(0).to_pylist()


def read_rejects(run: Path) -> Iterator[Reject]:
    """The rejects of a finished run, as they were written."""
    for path in _whole_files(run, "rejects"):
        with _refusing(), open_parquet(path) as file:
            for batch in read_batches(file):
                for row in batch.to_pylist():
                    yield Reject(RejectReason(row["reason"]), row["source"], row["call_id"], row["rows"], row["detail"], row["stage"])

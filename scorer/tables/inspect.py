"""What would a night understand of these files?"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import pyarrow as pa
import pyarrow.compute as pc

from scorer.config import InputMapping, fold
from scorer.errors import InputError
from scorer.records import Speaker
from scorer.tables.carried import carried_schema, merge_carried, output_names
from scorer.tables.files import open_parquet, read_batches, refuse_joined
from scorer.tables.mapping import Layout, children, is_nested, mapping_of, read_layout, suggest
from scorer.tables.mend import clean_id
from scorer.tables.normalise import SegmentRow, column_getter, parse_segments, party_of, struct_getter, values_of
from scorer.tables.schemas import calls_schema

OPTIONAL = ("segment_index", "start", "end", "words")
SAMPLED_FILES = 8  # the others give their footer only
SHOWN_SPEAKERS = 20
SHOWN_COLUMNS = 30
LONG_S = 300.0  # half of all segments longer than this: the times are milliseconds
SHORT_S = 0.05  # half of all segments shorter: the times are seconds


@dataclass(frozen=True, slots=True)
class FileView:
    """One file, from its footer."""

    rows: int
    shape: str  # "segments" or "nested"


@dataclass(frozen=True, slots=True)
class SpeakerView:
    """A value of the speaker column in the sample; None where it is null."""

    value: str | None
    party: Speaker
    count: int


@dataclass(frozen=True, slots=True)
class Inspection:
    """What `scorer check` tells; shares and counts are those of the sample."""

    files: tuple[FileView, ...] = ()
    columns: Mapping[str, tuple[str, str]] = field(default_factory=dict)  # what scorer understands -> name found, type
    carried: Mapping[str, str] = field(default_factory=dict)  # name -> type
    speakers: tuple[SpeakerView, ...] = ()  # most frequent first
    sampled_calls: int = 0
    sampled_segments: int = 0
    timed_share: float | None = None  # segments with start and end
    median_segment_s: float | None = None
    words_share: float | None = None  # segments with words
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(slots=True)
class _Sample:
    """What the first rows of the files hold; filled file by file."""

    calls: set[str] = field(default_factory=set)
    speakers: Counter[tuple[str | None, Speaker | None]] = field(default_factory=Counter)  # with the party, None where nobody knows it
    segments: int = 0
    timed: int = 0
    worded: int = 0
    missing_ids: int = 0
    durations: list[float] = field(default_factory=list)

    def add(self, values: Sequence[object], segments: Sequence[SegmentRow], parties: Mapping[str, Speaker]) -> None:
        names = [None if value is None else str(value).strip() for value in values]
        self.speakers.update((name, parties.get(fold(name or ""))) for name in names)
        self.segments += len(segments)
        self.worded += sum(bool(segment.words) for segment in segments)
        spans = [segment.end_s - segment.start_s for segment in segments if segment.start_s is not None and segment.end_s is not None]
        self.timed += len(spans)
        self.durations += spans


def inspect_inputs(files: Mapping[Path, str], mapping: InputMapping, *, unknown_max_share: float, sample_rows: int = 2000) -> Inspection:
    """Look at every footer and at the first `sample_rows` rows of some files. Raises nothing for bad input: see `problems`.

    `files` says what each is called where it lies; a larger share of sampled segments with an unknown speaker is a problem.
    """
    layouts: list[Layout] = []
    views: list[FileView] = []
    problems: list[str] = []
    sample, used = _Sample(), []
    for path, name in files.items():
        try:
            with open_parquet(path) as file:
                refuse_joined(path)
                used.append(here := mapping_of(file.schema_arrow, mapping))
                layout, found = read_layout(path, file.schema_arrow, here)
                problems += [problem.replace(str(path), name) for problem in found]
                if layout is None:
                    problems.append(f"{name}: {_there(file.schema_arrow, here)}")
                    continue
                layouts.append(layout)
                views.append(FileView(file.metadata.num_rows, "nested" if layout.nested else "segments"))
                if len(layouts) <= SAMPLED_FILES and sample_rows:
                    _sample_file(sample, read_batches(file, rows=min(sample_rows, 1024)), layout, mapping=here, limit=sample_rows)
        except InputError as error:
            problems.append(str(error).replace(str(path), name))
    mapping = used[0] if used and all(one == used[0] for one in used) else mapping
    problems += _unknown_problems(sample, unknown_max_share)
    return _summary(sample, layouts, mapping=mapping, views=views, problems=problems)


def _there(schema: pa.Schema, mapping: InputMapping) -> str:
    """The columns that there are to choose from. Only here: in a file without a header their names may be words of a call."""
    text = f"the file's columns are {_shown(schema.names)}"
    if not is_nested(schema, mapping):
        return text
    name = mapping.segments_column
    return f'{text}; inside "{name}": {_shown(list(children(schema.field(name).type)))}'


def _shown(names: Sequence[str]) -> str:
    more = [f"and {len(names) - SHOWN_COLUMNS} more"] if len(names) > SHOWN_COLUMNS else []
    return ", ".join([*(name[:40] for name in names[:SHOWN_COLUMNS]), *more]) or "none"


def _sample_file(sample: _Sample, batches: Iterator[pa.RecordBatch], layout: Layout, *, mapping: InputMapping, limit: int) -> None:
    left = limit
    for batch in batches:
        part = batch.slice(0, left)
        ids = [clean_id(value) for value in values_of(part.column(layout.call_id))]
        sample.calls.update(call_id for call_id in ids if call_id is not None)
        sample.missing_ids += ids.count(None)
        items = pc.list_flatten(part.column(mapping.segments_column)) if layout.nested else None
        get = column_getter(part, layout) if items is None else struct_getter(items, layout)
        sample.add(values_of(get("speaker")), parse_segments(get, mapping), party_of(mapping))
        left -= part.num_rows
        if left <= 0:
            return


def _summary(
    sample: _Sample, layouts: Sequence[Layout], *, mapping: InputMapping, views: Sequence[FileView], problems: Sequence[str]
) -> Inspection:
    top = sample.speakers.most_common(SHOWN_SPEAKERS)
    columns: dict[str, tuple[str, str]] = {}
    for layout in layouts:
        for name, kind in layout.types.items():
            columns.setdefault(name, (layout.names.get(name, layout.call_id), kind))
    return Inspection(
        files=tuple(views),
        columns=columns,
        carried={item.name: str(item.type) for item in merge_carried(map(carried_schema, layouts))},
        speakers=tuple(SpeakerView(value, party or "other", count) for (value, party), count in top),
        sampled_calls=len(sample.calls),
        sampled_segments=sample.segments,
        timed_share=sample.timed / sample.segments if sample.segments else None,
        median_segment_s=median(sample.durations) if sample.durations else None,
        words_share=sample.worded / sample.segments if sample.segments else None,
        problems=tuple(problems),
        warnings=tuple(_warnings(sample, layouts, mapping)),
    )


def _unknown_problems(sample: _Sample, allowed: float) -> Iterator[str]:
    unknown = sum(count for (_, party), count in sample.speakers.items() if party is None) / max(1, sample.segments)
    if unknown > allowed:
        yield (
            f"nobody knows who speaks in {unknown:.1%} of the sampled segments and limits.unknown_speakers_max_share allows {allowed:.1%}: "
            "add your values to input.speakers"
        )


def _warnings(sample: _Sample, layouts: Sequence[Layout], mapping: InputMapping) -> Iterator[str]:
    yield from _column_warnings(layouts, mapping)
    yield from _time_warnings(sample, mapping)
    if sample.missing_ids:
        yield f"{sample.missing_ids} sampled rows have no call_id: they will be rejected"
    parties = {party for _, party in sample.speakers}
    for party in ("agent", "customer"):
        if sample.segments and party not in parties:
            yield f"no sampled segment is spoken by the {party}: add your values to input.speakers.{party}"


def _column_warnings(layouts: Sequence[Layout], mapping: InputMapping) -> Iterator[str]:
    columns: dict[str, str] = mapping.columns.model_dump()
    for name in OPTIONAL:
        without = [layout for layout in layouts if name not in layout.names]
        if not without:
            continue
        near = suggest(columns[name], list(without[0].carried))
        if not near and name not in ("start", "end") and columns[name] == name:
            continue  # nobody asked for it
        advice = f', the closest is "{near}"' if near else ""
        yield f'column "{columns[name]}" is not in {len(without)} of {len(layouts)} files{advice}: see input.columns.{name}'
    ours = calls_schema((), pa.schema([])).names  # those of the behaviours are in the rubric, which nobody named
    for name, output in output_names(merge_carried(map(carried_schema, layouts)), ours).items():
        if output != name:
            yield f'column "{name}" is "{output}" in calls/, which has a "{name}" of its own'


def _time_warnings(sample: _Sample, mapping: InputMapping) -> Iterator[str]:
    if not sample.durations:
        return
    middle = median(sample.durations)
    if mapping.time_unit == "seconds" and middle > LONG_S:
        yield f"half of the segments last longer than {middle:.0f} s: the times look like milliseconds, set input.time_unit"
    if mapping.time_unit == "milliseconds" and middle < SHORT_S:
        yield f"half of the segments last less than {middle:.4f} s: the times look like seconds, set input.time_unit"

"""Which columns do the tables of a run have?"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from scorer.labels import Label, names
from scorer.tables.carried import output_names

VERSION = "2"  # raise it when a column is renamed, retyped or dropped
VERSION_KEY = b"scorer_schema_version"
CARRIED_KEY = b"scorer_carried"  # JSON: column in calls/ -> name in the input
TABLES = ("segments", "flags", "rejects", "calls")  # in the order they are published


@dataclass(frozen=True, slots=True)
class Stamp:
    """Where a row comes from."""

    run_id: str
    model_name: str
    model_hash: str
    rubric_name: str
    rubric_version: str
    rubric_hash: str
    scorer_version: str


STAMP = tuple(Stamp.__dataclass_fields__)
NOTE = pa.struct([("note", pa.string()), ("count", pa.int32())])
EVIDENCE = pa.struct(
    [
        ("segment_index", pa.int32()),
        ("label", pa.string()),
        ("probability", pa.float64()),
        ("start_s", pa.float64()),
        ("quote", pa.string()),
        ("tier", pa.string()),
    ]
)


def calls_schema(behaviours: Sequence[str], carried: pa.Schema) -> pa.Schema:
    """One row per call; carried columns lie between ours and the stamp."""
    own = _call_fields(behaviours)
    outputs = output_names(carried, [name for name, _ in own] + list(STAMP))
    fields = own + [(outputs[field.name], field.type) for field in carried] + [(name, pa.string()) for name in STAMP]
    origin = json.dumps({output: name for name, output in outputs.items()})
    return pa.schema(fields, metadata={VERSION_KEY: VERSION.encode(), CARRIED_KEY: origin.encode()})


def segments_schema(labels: Sequence[Label]) -> pa.Schema:
    """One row per segment; p_<label> is null where the segment's party does not carry the label."""
    return _versioned(
        [
            ("call_id", pa.string()),
            ("segment_index", pa.int32()),
            ("speaker", pa.string()),
            ("text", pa.string()),
            ("start_s", pa.float64()),
            ("end_s", pa.float64()),
            ("overlap_s", pa.float64()),
            ("tier", pa.string()),
            ("labels", pa.list_(pa.string())),
            *((f"p_{name}", pa.float64()) for name in names(labels)),
            ("run_id", pa.string()),
            ("model_hash", pa.string()),
        ]
    )


def flags_schema() -> pa.Schema:
    """One row per flag."""
    return _versioned(
        [
            ("call_id", pa.string()),
            ("rule", pa.string()),
            ("severity", pa.string()),
            ("reason", pa.string()),
            ("score", pa.float64()),
            ("band", pa.string()),
            ("evidence", pa.list_(EVIDENCE)),
            ("run_id", pa.string()),
            ("rubric_hash", pa.string()),
        ]
    )


def rejects_schema() -> pa.Schema:
    """One row per reject."""
    text = [(name, pa.string()) for name in ("source", "call_id", "reason")]
    return _versioned([*text, ("rows", pa.int64()), ("detail", pa.string()), ("stage", pa.string()), ("run_id", pa.string())])


def _call_fields(behaviours: Sequence[str]) -> list[tuple[str, pa.DataType]]:
    fields = [
        ("call_id", pa.string()),
        ("status", pa.string()),
        ("score", pa.float64()),
        ("raw_score", pa.float64()),
        ("expected_score", pa.float64()),
        ("band", pa.string()),
        ("auto_fail", pa.string()),
        ("segments", pa.int32()),
        ("agent_segments", pa.int32()),
        ("customer_segments", pa.int32()),
        ("duration_s", pa.float64()),
        ("timing", pa.string()),
    ]
    for behaviour in behaviours:
        fields += [(f"{behaviour}_{count}", pa.int32()) for count in ("hits", "chances")]
        fields += [(f"{behaviour}_{number}", pa.float64()) for number in ("expected_hits", "points", "expected_points", "weight")]
    return [*fields, ("flags", pa.int32()), ("notes", pa.list_(NOTE))]


def _versioned(fields: Sequence[tuple[str, pa.DataType]]) -> pa.Schema:
    return pa.schema(fields, metadata={VERSION_KEY: VERSION.encode()})

"""Columns of any type go through a night, its report and the review index."""

import uuid
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from nights import ROOT, call_rows

from scorer.pipeline import score_night
from scorer.review.index import add_runs
from scorer.review.store import opened, prepare

NUMBER = uuid.UUID("12345678123456781234567812345678")
LONG = Decimal("1" * 45 + ".25")
KINDS: dict[str, tuple[pa.DataType, pa.Array, Any]] = {  # carried as, column of one value, what comes out
    "half": (pa.float32(), pa.array([1.5], pa.float16()), 1.5),
    "halves": (pa.string(), pa.array([[1.5]], pa.list_(pa.float16())), "[1.5]"),
    "small": (pa.decimal128(9, 2), pa.array([Decimal("1.5")], pa.decimal256(9, 2)), Decimal("1.50")),
    "large": (pa.string(), pa.array([LONG], pa.decimal256(50, 2)), str(LONG)),
    "larges": (pa.string(), pa.array([[LONG]], pa.list_(pa.decimal256(50, 2))), f'["{LONG}"]'),
    "uuid": (pa.binary(), pa.ExtensionArray.from_storage(pa.uuid(), pa.array([NUMBER.bytes], pa.binary(16))), NUMBER.bytes),
    "bool8": (pa.int8(), pa.ExtensionArray.from_storage(pa.bool8(), pa.array([1], pa.int8())), 1),
    "json": (pa.string(), pa.ExtensionArray.from_storage(pa.json_(), pa.array(["{}"])), "{}"),
}


@pytest.mark.slow
def test_a_column_of_any_type_is_carried_reported_and_indexed(tmp_path: Path, keyword_folder: Path) -> None:
    rows = pa.Table.from_pylist(call_rows("a", turns=6))
    for name, (_, column, _) in KINDS.items():
        rows = rows.append_column(name, column.take(pa.array([0] * len(rows))))
    pq.write_table(rows, tmp_path / "night.parquet")

    out, config, rubric = tmp_path / "out", ROOT / "configs/scoring.yaml", ROOT / "configs/rubric.yaml"
    night = score_night(
        [str(tmp_path / "night.parquet")], out=out, config=config, rubric=rubric, model=keyword_folder, progress=lambda *_: None
    )
    prepare(tmp_path / "reviews.sqlite")
    with opened(tmp_path / "reviews.sqlite") as connection:
        add_runs(connection, [out], sample=1, seed=0)
        queued = connection.execute("select call_id from call").fetchall()
    found = pq.read_table(out / "calls")

    assert night.over_budget is None and (out / "report.html").exists()
    assert {name: found.schema.field(name).type for name in KINDS} == {name: kind for name, (kind, _, _) in KINDS.items()}
    assert {name: found[name][0].as_py() for name in KINDS} == {name: value for name, (_, _, value) in KINDS.items()}
    assert [row["call_id"] for row in queued] == ["a"]

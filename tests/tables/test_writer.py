"""A run is written whole or not at all, and reads back as it was."""

from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scorer.errors import RunError
from scorer.labels import Label
from scorer.records import (
    BehaviourScore,
    Call,
    CallScore,
    Evidence,
    Flag,
    JudgedCall,
    Reject,
    RejectReason,
    Segment,
    SegmentPrediction,
    Tally,
)
from scorer.tables.judged import carried_of, read_judged
from scorer.tables.schemas import TABLES, Stamp
from scorer.tables.writer import RunWriter

LABELS = (Label("apology", "agent", "desired"), Label("problem", "customer", "signal"))
STAMP = Stamp("night-1", "base", "m1", "default", "2", "r1", "0.1.0")
AT = datetime(2024, 1, 1, tzinfo=UTC)
CARRIED = pa.schema([("team", pa.string()), ("score", pa.int64()), ("at", pa.timestamp("us", "UTC"))])
EVIDENCE = Evidence(1, "apology", 0.9, 1.0, "sorry", "turns")


def judged(call_id: str) -> JudgedCall:
    segments = (Segment(0, "customer", "broken", 0.0, 1.0), Segment(1, "agent", "sorry", 1.0, 2.5), Segment(2, "other", ""))
    predictions = (
        SegmentPrediction({"problem": 0.123456}, frozenset(), 0.0, "turns"),
        SegmentPrediction({"apology": 0.9}, frozenset({"apology"}), None, "none"),
        SegmentPrediction(),
    )
    fields = {"team": "x", "score": 5, "at": AT}
    return JudgedCall(Call(call_id, segments, fields, {"text_null": 1}), predictions)


def score(call_id: str) -> CallScore:
    items = (BehaviourScore("apology", Tally(1, 2), 0.9, 0.5, 0.45, 2.0), BehaviourScore("ownership", Tally(), 0.0, None, None, 1.0))
    flags = (Flag("low", "because", "warning", (EVIDENCE,)),)
    return CallScore(call_id, "scored", 50.0, 50.0, 45.0, "fair", None, items, flags)


def write(out: Path, *ids: str) -> None:
    with RunWriter(out, LABELS, ["apology", "ownership"], CARRIED, STAMP) as writer:
        for call_id in ids:
            writer.write_call(judged(call_id), score(call_id))
        writer.write_reject(Reject(RejectReason.NO_SEGMENTS, "x.parquet", "z"))
        writer.commit()


def test_a_run_reads_back_as_it_was(tmp_path: Path) -> None:
    write(tmp_path, "a", "b")

    found = list(read_judged(tmp_path, LABELS))

    assert [call for call, _ in found] == [judged("a"), judged("b")]
    assert carried_of(tmp_path) == CARRIED
    row = found[0][1]
    assert (row["score"], row["input_score"], row["timing"], row["duration_s"], row["flags"]) == (50.0, 5, "turns", 2.5, 1)
    assert (row["apology_hits"], row["apology_chances"], row["ownership_points"], row["rubric_hash"]) == (1, 2, None, "r1")


def test_one_call_can_be_picked(tmp_path: Path) -> None:
    write(tmp_path, "a", "b", "c")

    assert [call for call, _ in read_judged(tmp_path, LABELS, call_ids=["b"])] == [judged("b")]
    assert list(read_judged(tmp_path, LABELS, call_ids=["nobody"])) == []


def test_every_table_is_there_with_its_version_even_when_empty(tmp_path: Path) -> None:
    write(tmp_path)

    for name in TABLES:
        table = pq.read_table(tmp_path / name / "part-00000.parquet")
        assert table.schema.metadata[b"scorer_schema_version"] == b"1"
        assert table.num_rows == (name == "rejects")
    assert list(read_judged(tmp_path, LABELS)) == []


def test_flags_and_rejects_say_why(tmp_path: Path) -> None:
    write(tmp_path, "a")

    (flag,) = pq.read_table(tmp_path / "flags").to_pylist()
    (reject,) = pq.read_table(tmp_path / "rejects").to_pylist()
    assert (flag["rule"], flag["evidence"][0]["quote"], flag["run_id"]) == ("low", "sorry", "night-1")
    assert (reject["reason"], reject["rows"], reject["source"]) == ("no_segments", 1, "x.parquet")


def test_nothing_appears_when_the_run_fails(tmp_path: Path) -> None:
    with pytest.raises(TypeError):
        write(tmp_path, "a", 7)  # type: ignore[arg-type]  # Arrow refuses a number where text is declared

    assert list(tmp_path.iterdir()) == []


def test_finished_tables_are_not_overwritten(tmp_path: Path) -> None:
    write(tmp_path, "a")

    with pytest.raises(RunError, match="already holds"):
        write(tmp_path, "b")


def test_a_run_that_is_missing_or_of_another_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no table"):
        list(read_judged(tmp_path, LABELS))
    write(tmp_path, "a")
    with pytest.raises(RunError, match="use the model"):
        list(read_judged(tmp_path, LABELS[:1]))

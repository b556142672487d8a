"""A run is written whole or not at all, and reads back as it was."""

from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scorer.errors import RunError
from scorer.labels import Label
from scorer.manifest import Shard, claim, read_run
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
from scorer.scoring.chances import hear
from scorer.tables.folder import RunFolder
from scorer.tables.judged import carried_of, group_places, heard_of, read_group, read_judged
from scorer.tables.schemas import TABLES, Stamp
from scorer.tables.writer import RunTables

LABELS = (Label("apology", "agent", "desired"), Label("problem", "customer", "signal"))
STAMP = Stamp("night-1", "base", "m1", "default", "2", "r1", "0.1.0")
SHARD = "0" * 64
AT = datetime(2024, 1, 1, tzinfo=UTC)
CARRIED = pa.schema([("team", pa.string()), ("score", pa.int64()), ("at", pa.timestamp("us", "UTC"))])
TABLES_OF_RUN = RunTables(LABELS, ("apology", "ownership"), CARRIED, STAMP)
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


def write(out: Path, *ids: str, shard: str = SHARD, expected: tuple[str, ...] | None = None, before: tuple[Shard, ...] = ()) -> Shard:
    """A run of one shard: as given, and one rejected call."""
    folder = RunFolder(out, before)
    with folder.workdir(), folder.writer(shard, TABLES_OF_RUN) as writer:
        for call_id in ids:
            writer.write_call(judged(call_id), score(call_id))
        writer.write_reject(Reject(RejectReason.NO_SEGMENTS, "x.parquet", "z"))
        kept = folder.keep(writer, {}, call_ids=[*ids, "z"] if expected is None else expected)
    folder.publish([kept], {"run_id": "night-1"})
    return kept


def test_a_run_reads_back_as_it_was(tmp_path: Path) -> None:
    write(tmp_path, "a", "b")

    found = list(read_judged(tmp_path, LABELS))

    assert [call for call, _ in found] == [judged("a"), judged("b")]
    assert carried_of(tmp_path) == CARRIED
    row = found[0][1]
    assert (row["score"], row["input_score"], row["timing"], row["duration_s"], row["flags"]) == (50.0, 5, "turns", 2.5, 1)
    assert (row["apology_hits"], row["apology_chances"], row["ownership_points"], row["rubric_hash"]) == (1, 2, None, "r1")


def test_columns_say_what_the_calls_say(tmp_path: Path) -> None:
    write(tmp_path, "a", "b")

    groups = [read_group(place) for place in group_places(tmp_path)]

    assert [heard for group in groups for heard in heard_of(group, LABELS)] == [hear(judged("a")), hear(judged("b"))]


def test_one_call_can_be_picked(tmp_path: Path) -> None:
    write(tmp_path, "a", "b", "c")

    assert [call for call, _ in read_judged(tmp_path, LABELS, call_ids=["b"])] == [judged("b")]
    assert list(read_judged(tmp_path, LABELS, call_ids=["nobody"])) == []


def test_every_table_is_there_with_its_version_even_when_empty(tmp_path: Path) -> None:
    write(tmp_path)

    for name in TABLES:
        table = pq.read_table(tmp_path / name / f"{SHARD}.parquet")
        assert table.schema.metadata[b"scorer_schema_version"] == b"2"
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


def test_a_shard_that_does_not_hold_exactly_its_calls_is_not_kept(tmp_path: Path) -> None:
    for expected in (("a", "z"), ("a", "b", "c", "z"), ("a", "a", "z")):
        with pytest.raises(RunError, match="came out"):
            write(tmp_path, "a", "b", expected=expected)

    assert list(tmp_path.iterdir()) == []


def test_every_page_has_a_checksum_so_that_no_flipped_bit_is_read(tmp_path: Path) -> None:
    write(tmp_path, "a")
    path = tmp_path / "segments" / f"{SHARD}.parquet"
    good = path.read_bytes()

    assert pq.ParquetFile(path).metadata.num_rows == 3
    for place in range(4, 400, 7):  # inside the pages, whose reader must not depend on the hash in run.json alone
        path.write_bytes(good[:place] + bytes([good[place] ^ 1]) + good[place + 1 :])
        try:
            same = pq.read_table(path, page_checksum_verification=True).equals(pq.read_table(pa.BufferReader(good)))
        except (OSError, pa.ArrowInvalid):
            same = True  # seen, which is as good
        assert same, place


def test_readers_trust_only_what_run_json_names(tmp_path: Path) -> None:
    write(tmp_path, "a")
    stray = tmp_path / "calls" / "stray.parquet"
    stray.write_bytes(b"half a file")

    assert [call for call, _ in read_judged(tmp_path, LABELS)] == [judged("a")]
    path = tmp_path / "segments" / f"{SHARD}.parquet"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(RunError, match=r"not what run\.json says"):
        list(read_judged(tmp_path, LABELS))


def test_the_next_run_takes_the_place_of_the_one_before_and_of_nothing_else(tmp_path: Path) -> None:
    before = write(tmp_path, "a")
    (tmp_path / "calls" / "mine.parquet").write_bytes(b"a user's own")

    write(tmp_path, "b", shard="1" * 64, before=(before,))

    assert [call.call.call_id for call, _ in read_judged(tmp_path, LABELS)] == ["b"]
    assert sorted(path.name for path in (tmp_path / "calls").iterdir()) == ["1" * 64 + ".parquet", "mine.parquet"]


def test_a_finished_shard_is_found_again_unless_it_was_damaged(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    with folder.workdir(), folder.writer(SHARD, TABLES_OF_RUN) as writer:
        writer.write_call(judged("a"), score("a"))
        kept = folder.keep(writer, {"calls": 1}, call_ids=["a"])

    assert RunFolder(tmp_path).find(SHARD) == kept
    path = next(tmp_path.rglob("flags.parquet"))
    path.write_bytes(b"PAR1")
    assert RunFolder(tmp_path).find(SHARD) is None


def test_a_run_of_another_version_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "a")
    run = tmp_path / "run.json"
    run.write_text(run.read_text().replace('"run_version": 2', '"run_version": 3'))

    for use in (read_run, lambda folder: claim(folder, "any", replace=True)):
        with pytest.raises(RunError, match="version 3, this program reads 2"):
            use(tmp_path)


def test_a_run_that_is_missing_or_of_another_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"no run\.json"):
        list(read_judged(tmp_path, LABELS))
    write(tmp_path, "a")
    with pytest.raises(RunError, match="use the model"):
        list(read_judged(tmp_path, LABELS[:1]))

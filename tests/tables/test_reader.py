"""Calls come out whole and in order, whatever the input looks like."""

import contextlib
import json
import os
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scorer.config import Columns, InputMapping, Limits, Speakers
from scorer.errors import InputError
from scorer.records import Call, Reject, RejectReason, Word
from scorer.tables.files import InputFile, describe_files, expand_inputs
from scorer.tables.intake import Asked, fence, in_a_row, take_in
from scorer.tables.reader import CallReader
from scorer.tables.spool import Spool

MAPPING = InputMapping()
SECRET = "4111-1111"


def save(path: Path, columns: dict[str, Any], **options: Any) -> Path:
    pq.write_table(pa.table(columns), path, **options)
    return path


def flat(**columns: Any) -> dict[str, Any]:
    return {"call_id": ["a", "a"], "speaker": ["agent", "customer"], "text": ["hello", "hi"]} | columns


def nested(ids: list[Any], segments: list[Any], **columns: Any) -> dict[str, Any]:
    return {"call_id": ids, "segments": segments} | columns


FENCE = fence(memory_mb=2048, seconds=300)


@pytest.fixture(scope="module", autouse=True)
def behind() -> Iterator[None]:
    with FENCE:
        yield


@contextmanager
def filled(tmp_path: Path, *files: Path, mapping: InputMapping = MAPPING) -> Iterator[CallReader]:
    with Spool(tmp_path / "work") as spool:
        reader = CallReader(describe_files(files), mapping, limits=Limits(), spool=spool)
        reader.read(tmp_path, FENCE)
        yield reader


def read(tmp_path: Path, *files: Path, mapping: InputMapping = MAPPING, shard_rows: int = 10_000) -> list[Call | Reject]:
    """Rejects of files and of rows without a call, then calls in ascending order of call_id."""
    with filled(tmp_path, *files, mapping=mapping) as reader:
        calls = []
        for _, call_ids, given in reader.calls(reader.plan(shard_rows, base="")):
            shard = list(given)
            assert call_ids == [item.call_id for item in shard] == sorted(call_ids)
            calls += shard
        found = [*reader.rejects, *sorted(calls, key=lambda item: str(item.call_id))]
        assert sum(item.rows for item in found) == reader.rows_in
    assert list((tmp_path / "work").iterdir()) == []
    return found


def one(tmp_path: Path, columns: dict[str, Any], mapping: InputMapping = MAPPING) -> Call:
    (call,) = read(tmp_path, save(tmp_path / "one.parquet", columns), mapping=mapping)
    assert isinstance(call, Call)
    return call


def test_segments_that_are_scattered_come_out_whole_and_in_order(tmp_path: Path) -> None:
    first = save(
        tmp_path / "1.parquet",
        flat(call_id=["b", "a", "b"], speaker=["agent"] * 3, text=["b9", "a7", "b2"], segment_index=[9, 7, 2]),
        row_group_size=1,
    )
    second = save(tmp_path / "2.parquet", flat(call_id=["a", "b"], text=["a1", "b4"], segment_index=[1, 4]))

    calls = read(tmp_path, first, second)

    assert [(x.call_id, [(s.index, s.text) for s in x.segments], x.rows) for x in calls if isinstance(x, Call)] == [
        ("a", [(0, "a1"), (1, "a7")], 2),
        ("b", [(0, "b2"), (1, "b4"), (2, "b9")], 3),
    ]


@pytest.mark.parametrize(
    ("columns", "order"),
    [
        ({"segment_index": [1, 0], "start": [0.0, 5.0]}, ["hi", "hello"]),
        ({"segment_index": [1, None], "start": [5.0, 0.0]}, ["hi", "hello"]),
        ({"segment_index": [1.0, 0.0]}, ["hi", "hello"]),
        ({"start": [5.0, None]}, ["hello", "hi"]),
        ({}, ["hello", "hi"]),
    ],
)
def test_order_is_by_index_then_start_then_row(tmp_path: Path, columns: dict[str, Any], order: list[str]) -> None:
    call = one(tmp_path, flat(**columns))

    assert [segment.text for segment in call.segments] == order


def test_a_nested_row_equals_the_same_segment_rows(tmp_path: Path) -> None:
    words = [{"text": "hello", "start": 0.0, "end": 0.5}]
    segments = [
        {"speaker": "agent", "text": "hello", "start": 0.0, "end": 1.0, "words": words},
        {"speaker": "customer", "text": "hi", "start": 1.0, "end": 2.0, "words": None},
    ]
    rows = {name: [segment[name] for segment in segments] for name in segments[0]}

    left = one(tmp_path, {"call_id": ["a", "a"], "team": ["x", None], **rows})
    right = one(tmp_path, nested(["a"], [segments], team=["x"]))

    assert left == right
    assert left.segments[0].words == (Word("hello", 0.0, 0.5),)
    assert (left.fields, left.notes, left.rows) == ({"team": "x"}, {}, 2)


def test_words_that_are_all_null_are_none(tmp_path: Path) -> None:
    segments = pa.array([[{"speaker": "agent", "text": "hello", "words": None}, {"speaker": "customer", "text": "hi", "words": None}]])

    left, right = one(tmp_path, flat(words=pa.nulls(2))), one(tmp_path, nested(["a"], segments))

    assert left == right == one(tmp_path, flat())


def test_milliseconds_become_seconds_in_words_too(tmp_path: Path) -> None:
    words = [[{"text": "hello", "start": 0, "end": 250}], None]

    call = one(tmp_path, flat(start=[0, 1500], end=[1000, 2000], words=words), InputMapping(time_unit="milliseconds"))

    assert [(s.start_s, s.end_s) for s in call.segments] == [(0.0, 1.0), (1.5, 2.0)]
    assert call.segments[0].words == (Word("hello", 0.0, 0.25),)


def test_the_mapping_names_columns_and_speakers(tmp_path: Path) -> None:
    mapping = InputMapping(columns=Columns(call_id="id", text="content"), speakers=Speakers(agent=("0",), customer=(" CH_1",)))

    call = one(tmp_path, {"id": [7, 7, 7], "speaker": ["0", "ch_1 ", "ivr"], "content": ["x", "y", "z"], "text": [1, 1, 2]}, mapping)

    assert (call.call_id, [s.speaker for s in call.segments]) == ("7", ["agent", "customer", "other"])
    assert (call.fields, call.notes) == ({"text": 1}, {"conflicting_fields": 1})


def test_a_value_that_is_a_party_of_its_own_and_a_machine_too_is_the_partys(tmp_path: Path) -> None:
    mapping = InputMapping(speakers=Speakers(agent=("Chatbot",), other=("chatbot", "supervisor")))

    call = one(tmp_path, {"call_id": ["a"] * 3, "speaker": ["chatbot", "Supervisor", "ivr"], "text": ["x", "y", "z"]}, mapping)

    assert [s.speaker for s in call.segments] == ["agent", "other", "other"]
    assert call.notes == {"unknown_speaker": 1, "no_customer": 1}


@pytest.mark.parametrize(
    "kind",
    [pa.string(), pa.large_string(), pa.string_view(), pa.binary(), pa.large_binary(), pa.dictionary(pa.int32(), pa.string())],
)
def test_text_may_have_any_layout(tmp_path: Path, kind: pa.DataType) -> None:
    columns = {name: pa.array(values).cast(kind) for name, values in flat().items()}

    assert one(tmp_path, columns) == one(tmp_path, flat())


@pytest.mark.parametrize(
    ("columns", "notes"),
    [
        ({"text": ["x", None]}, {"text_null": 1}),
        ({"text": pa.nulls(2)}, {"text_null": 2}),
        ({"start": [float("nan"), 1.0], "end": [1.0, float("inf")]}, {"time_dropped": 2}),
        ({"start": [-1.0, 3.0], "end": [1.0, 2.0]}, {"time_dropped": 2}),
        ({"start": [None, 0.0], "end": [1.0, 0.0]}, {}),
        ({"speaker": ["agent", None]}, {"unknown_speaker": 1, "no_customer": 1}),
        ({"speaker": ["Bob", "CLIENT "]}, {"unknown_speaker": 1, "no_agent": 1}),
        ({"speaker": ["Bot ", "CLIENT "]}, {"no_agent": 1}),
        ({"text": ["a\0b", "\x1b[1m"]}, {"text_repaired": 2}),
        ({"text": ["a\tb\nc", "مرحبا \u202e 👩‍👩‍👧"]}, {}),
        ({"text": pa.array([b"caf\xe9", b"\xed\xa0\x80"])}, {"text_repaired": 2}),
        ({"text": ["x" * 100_000, ""]}, {}),
        ({"team": ["a", "b"], "queue": ["a", None]}, {"conflicting_fields": 1}),
        ({"words": [[{"text": "x", "start": 2.0, "end": 1.0}], []]}, {"word_time_dropped": 1}),
    ],
)
def test_mends_are_counted(tmp_path: Path, columns: dict[str, Any], notes: dict[str, int]) -> None:
    assert one(tmp_path, flat(**columns)).notes == notes


def test_bytes_that_are_not_utf8_in_a_text_column_are_replaced(tmp_path: Path) -> None:
    bad = pa.array([b"caf\xe9", b"ok"]).view(pa.string())

    call = one(tmp_path, flat(text=bad, team=bad))

    assert [s.text for s in call.segments] == ["caf\ufffd", "ok"]
    assert (call.fields["team"], call.notes) == ("caf\ufffd", {"text_repaired": 1, "conflicting_fields": 1})


def test_calls_that_are_too_large_to_be_calls_are_rejected_and_the_others_scored(tmp_path: Path) -> None:
    texts = ["x" * 100_000] * 400
    large = save(tmp_path / "large.parquet", {"call_id": ["large"] * 400, "speaker": ["agent"] * 400, "text": texts})
    other = {"call_id": ["long", "wide"], "speaker": ["agent"] * 2, "text": ["x" * 100_001, "x" * 100_000], "team": ["t" * 20_000] * 2}

    found = read(tmp_path, large, save(tmp_path / "other.parquet", other))

    assert [(x.call_id, x.reason, x.rows) for x in found if isinstance(x, Reject)] == [
        ("large", RejectReason.CALL_TOO_LARGE, 400),
        ("long", RejectReason.SEGMENT_TOO_LONG, 1),
    ]
    assert [(x.segments[0].text, x.fields["team"]) for x in found if isinstance(x, Call)] == [("x" * 100_000, "t" * 20_000)]


SEGMENT = {"speaker": "agent", "text": "x", "segment_index": 1}


@pytest.mark.parametrize(
    ("columns", "rejects"),
    [
        (flat(call_id=[None, " "]), [(RejectReason.CALL_ID_MISSING, None, 2)]),
        (flat(segment_index=[3, 3]), [(RejectReason.DUPLICATE_SEGMENT_INDEX, "a", 2)]),
        (nested(["a"], [[SEGMENT, SEGMENT]]), [(RejectReason.DUPLICATE_SEGMENT_INDEX, "a", 2)]),
        (nested(["a", "b", "c"], [None, [], [SEGMENT]]), [(RejectReason.NO_SEGMENTS, x, 1) for x in "ab"]),
        (nested(["a", "a"], [[SEGMENT], None]), [(RejectReason.CONFLICTING_CALL_ROWS, "a", 2)]),
        (nested([None], [[SEGMENT, None, SEGMENT]]), [(RejectReason.CALL_ID_MISSING, None, 3)]),
    ],
)
def test_rows_that_cannot_be_scored_are_rejected(tmp_path: Path, columns: dict[str, Any], rejects: list[Any]) -> None:
    found = read(tmp_path, save(tmp_path / "x.parquet", columns))

    assert [(x.reason, x.call_id, x.rows) for x in found if isinstance(x, Reject)] == rejects


def test_a_call_given_in_both_shapes_is_rejected_with_both_files(tmp_path: Path) -> None:
    files = [save(tmp_path / "1.parquet", flat()), save(tmp_path / "2.parquet", nested(["a"], [[SEGMENT, SEGMENT]]))]

    (reject,) = read(tmp_path, *files)

    assert isinstance(reject, Reject)
    assert (reject.reason, reject.rows, reject.source) == (RejectReason.CONFLICTING_CALL_ROWS, 4, f"{files[0]}, {files[1]}")


def test_carried_columns_keep_their_type_unless_files_differ(tmp_path: Path) -> None:
    stamp = pa.array([1, 1], pa.timestamp("ns", "UTC"))
    files = [
        save(tmp_path / "1.parquet", flat(n=[1, 1], at=stamp, tag=pa.nulls(2), mixed=[1, 1])),
        save(tmp_path / "2.parquet", flat(call_id=["b", "b"], n=[2, 2], tag=[["t"], None], mixed=["x", None])),
    ]

    with filled(tmp_path, *files) as reader:
        schema = reader.carried
    calls = [call for call in read(tmp_path, *files) if isinstance(call, Call)]

    assert schema == pa.schema(
        [("n", pa.int64()), ("at", pa.timestamp("us", "UTC")), ("tag", pa.list_(pa.string())), ("mixed", pa.string())]
    )
    assert [(x.fields["n"], x.fields["tag"], x.fields["mixed"]) for x in calls] == [(1, None, "1"), (2, ["t"], "x")]


def damage(path: Path, change: Callable[[bytes], bytes]) -> None:
    path.write_bytes(change(save(path, flat(text=[SECRET, SECRET]), compression="none", write_page_checksum=True).read_bytes()))


BAD_BYTES: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "page": (lambda _: b"<html><body>502</body></html>", "not a Parquet file"),
    "empty": (lambda _: b"", "0 bytes"),
    "truncated": (lambda good: good[:-30], "truncated"),
    "footer": (lambda good: good[:-60] + b"\xff" * 52 + good[-8:], "corrupt"),
    "flipped": (lambda good: good.replace(SECRET.encode(), b"4222-2222"), "corrupt"),
    "joined": (lambda good: good + good, "one behind the other"),
    "joined with a gap": (lambda good: good + b"\r\n" + bytes(300) + good, "one behind the other"),
    "encrypted": (lambda good: b"PARE" + good[4:-4] + b"PARE", "encrypted"),
}


def test_text_that_looks_like_the_end_of_a_file_is_text(tmp_path: Path) -> None:
    text = "PAR1PAR1"
    path = save(
        tmp_path / "x.parquet",
        flat(call_id=[text, text], text=[text, text]),
        compression="none",
        use_dictionary=False,
        write_page_index=True,
    )

    (call,) = read(tmp_path, path)

    assert isinstance(call, Call) and call.call_id == text


@pytest.mark.parametrize("name", BAD_BYTES)
def test_a_file_with_bad_bytes_is_named(tmp_path: Path, name: str) -> None:
    change, part = BAD_BYTES[name]
    damage(tmp_path / "bad.parquet", change)

    with pytest.raises(InputError) as caught:
        read(tmp_path, tmp_path / "bad.parquet")

    assert "bad.parquet" in str(caught.value)
    assert part in str(caught.value)
    assert "4222" not in str(caught.value)


@pytest.mark.parametrize(
    ("columns", "parts"),
    [
        ({"call_id": ["a"], "Speaker": ["agent"], "txt": ["x"]}, ['the closest is "Speaker"', '"txt"', "input.columns.text"]),
        (flat(text=[[SECRET], []]), ['"text" is list', "give text"]),
        (flat(text=pa.array([0, 1], pa.timestamp("s"))), ['"text" is timestamp']),
        (flat(call_id=[1.5, 2.5]), ['"call_id" is double']),
        (flat(start=[SECRET, "2"]), ['"start" is string', "a number"]),
        (flat(words=["x", "y"]), ['"words" is string', "list of struct"]),
        (nested(["a"], [[{"text": "x"}]]), ['"speaker" inside "segments" is missing']),
    ],
)
def test_columns_that_do_not_fit_are_all_named(tmp_path: Path, columns: dict[str, Any], parts: list[str]) -> None:
    path = save(tmp_path / "x.parquet", columns)

    with pytest.raises(InputError) as caught:
        read(tmp_path, path, tmp_path / "none.parquet")

    assert [part for part in [*parts, "x.parquet", "none.parquet"] if part not in str(caught.value)] == []
    assert SECRET not in str(caught.value)


def test_a_column_that_is_there_twice_is_named(tmp_path: Path) -> None:
    table = pa.table([["a"], ["agent"], ["x"], ["y"]], names=["call_id", "speaker", "text", "text"])
    pq.write_table(table, tmp_path / "x.parquet")

    with pytest.raises(InputError, match="more than once"):
        read(tmp_path, tmp_path / "x.parquet")


def test_inputs_are_files_folders_and_globs(tmp_path: Path) -> None:
    for name in ("b/2.parquet", "b/1.parquet", "b/_tmp/3.parquet", "b/.4.parquet", "b/note.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "hollow").mkdir()
    known = [tmp_path / "b/1.parquet", tmp_path / "b/2.parquet"]

    assert expand_inputs([str(tmp_path / "b")]) == known
    assert expand_inputs([str(tmp_path / "**/?.parquet"), str(known[0])])[:2] == known[:2]
    with pytest.raises(InputError) as caught:
        expand_inputs([str(tmp_path / "none"), str(tmp_path / "hollow"), str(tmp_path / "*.csv")])
    assert [part for part in ("none", "hollow", "*.csv") if part not in str(caught.value)] == []
    with pytest.raises(InputError):
        expand_inputs([])


def test_a_pattern_that_fits_a_folder_means_what_is_in_it(tmp_path: Path) -> None:
    names = ["date=19/1.parquet", "date=20/spark.parquet/part-0.parquet", "date=20/spark.parquet/part-1.parquet", "date=20/2.parquet"]
    for name in (*names, "date=20/spark.parquet/_SUCCESS", "date=20/_old/3.parquet", "date=20/logs/log.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()

    patterns = {"date=*": names, "date=20/*": names[1:], "*/*.parquet": names, "date=2?/*.parquet": names[1:], "**/*.parquet": names}
    for pattern, fitting in (patterns | {"*/_old/*": ["date=20/_old/3.parquet"]}).items():
        assert {str(file.relative_to(tmp_path)) for file in expand_inputs([str(tmp_path / pattern)])} == {*fitting}, pattern


def test_links_to_folders_are_followed_and_one_to_nowhere_is_a_reject(tmp_path: Path) -> None:
    night, good = tmp_path / "night", flat()
    for folder in (night / "own", tmp_path / "other", tmp_path / "_late"):
        folder.mkdir(parents=True)
    save(night / "own" / "1.parquet", good)
    save(tmp_path / "other" / "2.parquet", flat(call_id=["b", "b"]))
    for link, goal in {"linked": tmp_path / "other", "again": night / "own", "circle": night, "_not": tmp_path / "other"}.items():
        (night / link).symlink_to(goal)
    (night / "3.parquet").symlink_to(tmp_path / "gone.parquet")

    files = expand_inputs([str(night)])

    assert files == [night / "3.parquet", night / "linked" / "2.parquet", night / "own" / "1.parquet"]
    assert set(expand_inputs([str(night / "*.parquet"), str(night / "[lo]*" / "*.parquet")])) == set(files)
    assert [found.reason for found in read(tmp_path, *files) if isinstance(found, Reject)] == ["file_vanished"]


def test_a_pipe_or_a_socket_is_a_reject_and_nobody_waits_for_it(tmp_path: Path) -> None:
    night = tmp_path / "night"
    night.mkdir()
    save(night / "1.parquet", flat())
    os.mkfifo(night / "pipe.parquet")
    with contextlib.chdir(night), socket.socket(socket.AF_UNIX) as unix:  # a path of its own may be too long for one
        unix.bind("socket.parquet")

    for files in expand_inputs([str(night)]), expand_inputs([str(night / "*")]):
        assert [(Path(found.source).name, found.reason) for found in read(tmp_path, *files) if isinstance(found, Reject)] == [
            ("pipe.parquet", "file_not_parquet"),
            ("socket.parquet", "file_not_parquet"),
        ]


@pytest.fixture
def nobody() -> Iterator[Path]:
    """A folder of a user without rights, as whom the test runs."""
    was, folder = os.geteuid(), Path(tempfile.mkdtemp())
    try:
        if was == 0:
            os.chown(folder, 65534, -1)
            os.seteuid(65534)
        yield folder
    finally:
        os.seteuid(was)
        shutil.rmtree(folder)


@pytest.mark.parametrize("pattern", ["", "*/*.parquet", "**/*.parquet", "locked/*"])
def test_a_folder_that_may_not_be_listed_is_an_error(nobody: Path, pattern: str) -> None:
    for name in ("open", "locked"):
        (nobody / name).mkdir()
        (nobody / name / "1.parquet").touch()
    (nobody / "locked").chmod(0)

    with pytest.raises(InputError, match=r"locked.*cannot be searched \(Permission denied\)"):
        expand_inputs([str(nobody / pattern)])

    (nobody / "locked").chmod(0o700)
    assert len(expand_inputs([str(nobody)])) == 2


def test_a_path_that_no_file_can_have_is_an_error() -> None:
    with pytest.raises(InputError, match="too long"):
        expand_inputs(["a" * 300])


def test_a_copy_of_a_file_is_not_read_again(tmp_path: Path) -> None:
    first = save(tmp_path / "1.parquet", flat())
    copy = Path(shutil.copy(first, tmp_path / "2.parquet"))
    hollow = [save(tmp_path / f"hollow-{name}.parquet", {name: kind[:0] for name, kind in flat().items()}) for name in "ab"]

    reject, call = read(tmp_path, copy, first, *hollow)

    assert isinstance(reject, Reject) and isinstance(call, Call) and len(call.segments) == 2
    assert (reject.reason, reject.source, reject.rows, str(first) in reject.detail) == ("file_duplicate", str(copy), 0, True)


def test_a_file_whose_name_is_not_utf8_is_read_and_told_in_text(tmp_path: Path) -> None:
    good, bad = (tmp_path / os.fsdecode(name) for name in (b"\xe9t\xe9.parquet", b"\xff\n.parquet"))
    save(tmp_path / "x.parquet", flat()).rename(good)
    save(tmp_path / "x.parquet", {"id": ["a"]}).rename(bad)

    reject, call = read(tmp_path, bad, good)

    assert isinstance(call, Call) and len(call.segments) == 2
    assert isinstance(reject, Reject) and reject.reason == "file_columns"
    assert reject.source == f"{tmp_path}/\\xff\n.parquet" and (reject.source + reject.detail).isascii()


def test_a_bad_file_is_a_reject_and_the_others_are_read(tmp_path: Path) -> None:
    good = save(tmp_path / "good.parquet", flat())
    (tmp_path / "half.parquet").write_bytes(good.read_bytes()[:-20])
    save(tmp_path / "other.parquet", {"id": ["a"]})

    *bad, call = read(tmp_path, good, tmp_path / "half.parquet", tmp_path / "gone.parquet", tmp_path / "other.parquet")

    assert isinstance(call, Call) and call.call_id == "a"
    assert [(Path(x.source).name, x.reason, x.stage, x.rows) for x in bad if isinstance(x, Reject)] == [
        ("gone.parquet", "file_vanished", "open", 0),
        ("half.parquet", "file_truncated", "open", 0),
        ("other.parquet", "file_columns", "columns", 0),
    ]


def test_a_file_that_is_written_while_the_run_reads_it_is_a_reject(tmp_path: Path) -> None:
    good = save(tmp_path / "good.parquet", flat())
    other, whole = save(tmp_path / "other.parquet", flat(call_id=["b", "b"])), save(tmp_path / "whole.parquet", flat(call_id=["c", "c"]))
    replaced, growing = tmp_path / "replaced.parquet", tmp_path / "growing.parquet"
    shutil.copy(other, replaced)
    growing.write_bytes(whole.read_bytes()[:-200])
    files = describe_files([good, replaced, growing])

    shutil.copy(whole, replaced)
    shutil.copy(whole, growing)
    with Spool(tmp_path / "work") as spool:
        reader = CallReader(files, MAPPING, limits=Limits(), spool=spool)
        reader.read(tmp_path, FENCE)

    assert {(Path(found.source).name, found.reason) for found in reader.rejects} == {
        ("replaced.parquet", "file_changed"),
        ("growing.parquet", "file_changed"),
    }
    assert reader.rows_in == 2


def test_a_bug_of_ours_is_not_told_as_the_fault_of_the_file(tmp_path: Path) -> None:
    (file,) = describe_files([save(tmp_path / "x.parquet", flat(text=[SECRET, SECRET]))])

    (found,) = take_in([Asked(10**30, file, tmp_path / "0.arrow")], mapping=MAPPING, behind=FENCE)  # no number of a file

    assert isinstance(found, Reject) and found.reason == "file_crashed" and SECRET not in found.detail
    assert "a bug in scorer" in found.detail and "OverflowError in normalise.py:" in found.detail


def test_small_files_are_read_in_a_row_and_each_alone_where_one_is_bad(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    ask = FENCE.ask
    monkeypatch.setattr(FENCE, "ask", lambda question: (asked.append(len(json.loads(question)["asked"])), ask(question))[1])
    files = [save(tmp_path / f"{n}.parquet", flat(call_id=[f"{n}"] * 2)) for n in range(4)]

    assert len(read(tmp_path, *files)) == 4 and asked == [4]
    copy = Path(shutil.copy(files[0], tmp_path / "3-copy.parquet"))
    (tmp_path / "1-half.parquet").write_bytes(files[1].read_bytes()[:-20])
    found = read(tmp_path, *files, copy, tmp_path / "1-half.parquet")

    # four again, then each of them, for what a bad file leaves behind in its reader is nobody else's; the copy began another row
    assert asked == [4, 4, 1, 1, 1, 1, 1]
    assert [item.call_id for item in found] == [None, None, *"0123"]
    assert [(Path(item.source).name, item.reason.value) for item in found if isinstance(item, Reject)] == [
        ("1-half.parquet", "file_truncated"),
        ("3-copy.parquet", "file_duplicate"),
    ]


def test_a_row_of_files_is_bounded(tmp_path: Path) -> None:
    def sizes(*files: int) -> list[int]:
        return [len(row) for row in in_a_row([InputFile(Path(f"{n}"), size, f"{n}") for n, size in enumerate(files)], tmp_path)]

    assert sizes(*[1] * 130) == [64, 64, 2]
    assert sizes(9 << 20, 1, 2, 8 << 20, 1) == [1, 2, 1, 1]


def test_calls_come_whole_however_many_shards_there_are(tmp_path: Path) -> None:
    ids = [f"call {n % 40}" for n in range(400)]
    files = [
        save(tmp_path / f"{part}.parquet", flat(call_id=ids[part::3], speaker=["agent"] * len(ids[part::3]), text=ids[part::3]))
        for part in range(3)
    ]

    many, one_shard = read(tmp_path, *files, shard_rows=7), read(tmp_path, *files)

    assert many == one_shard and len(many) == 40
    assert {len(call.segments) for call in many if isinstance(call, Call)} == {10}


def test_a_late_file_leaves_the_shards_of_other_files_alone(tmp_path: Path) -> None:
    def ids(*files: Path) -> set[str]:
        with filled(tmp_path, *files) as reader:
            return {plan.id for plan in reader.plan(2, base="")}

    first = save(tmp_path / "b.parquet", flat(call_id=["a", "b"]))
    late = save(tmp_path / "a.parquet", flat(call_id=["c", "d"]))
    shared = save(tmp_path / "c.parquet", flat(call_id=["a", "e"]))

    assert ids(first) < ids(first, late)
    assert ids(first) == ids(first) and not ids(first) <= ids(first, shared)


def test_many_small_files_share_shards_and_a_late_one_changes_few(tmp_path: Path) -> None:
    def shards(*files: Path) -> set[str]:
        with filled(tmp_path, *files) as reader:
            return {plan.id for plan in reader.plan(20, base="")}

    files = [save(tmp_path / f"{n:03}.parquet", flat(call_id=[f"{n}"] * 2)) for n in range(100)]
    before = shards(*files)

    assert 8 <= len(before) <= 20  # 200 rows in shards of 20, not 100 shards
    for name in ("-", "050-", "1"):
        after = shards(*files, save(tmp_path / f"{name}.parquet", flat(call_id=["late", "late"])))
        assert len(before - after) <= 3, name


def test_a_call_in_several_files_is_whole_whether_they_are_in_one_pack_or_not(tmp_path: Path) -> None:
    files = [save(tmp_path / f"{n:02}.parquet", flat(call_id=[f"{n // 2}"] * 2, segment_index=[2 * n, 2 * n + 1])) for n in range(60)]

    calls = read(tmp_path, *files, shard_rows=8)

    assert len(calls) == 30 and {len(call.segments) for call in calls if isinstance(call, Call)} == {4}
    with filled(tmp_path, *files) as reader:
        packs = {place[0] for place in (plan.place for plan in reader.plan(8, base=""))}
    assert -1 in packs and len(packs) > 3  # both kinds were tried


IDS = st.one_of(st.none(), st.sampled_from(["a", "b", " ", "", "../a", "c\0d"]))
TIMES = st.one_of(st.none(), st.floats(width=32))
CELL = st.fixed_dictionaries(
    {
        "speaker": st.one_of(st.none(), st.sampled_from(["agent", "Customer", "x"])),
        "text": st.one_of(st.none(), st.binary(max_size=8)),
        "segment_index": st.one_of(st.none(), st.integers(0, 5)),
        "start": TIMES,
        "end": TIMES,
        "words": st.one_of(
            st.none(),
            st.lists(
                st.one_of(
                    st.none(),
                    st.fixed_dictionaries({"text": st.text(st.characters(exclude_categories=["Cs"])), "start": TIMES, "end": TIMES}),
                )
            ),
        ),
    }
)
WORDS = pa.list_(pa.struct([("text", pa.string()), ("start", pa.float64()), ("end", pa.float64())]))
CELLS = pa.struct(
    [
        ("speaker", pa.string()),
        ("text", pa.binary()),
        ("segment_index", pa.int64()),
        ("start", pa.float64()),
        ("end", pa.float64()),
        ("words", WORDS),
    ]
)
EXTRA = st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1))


@pytest.mark.slow
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    rows=st.lists(st.tuples(IDS, CELL, EXTRA), max_size=8),
    calls=st.lists(st.tuples(IDS, st.one_of(st.none(), st.lists(st.one_of(st.none(), CELL), max_size=4)), EXTRA), max_size=4),
)
def test_no_row_is_lost_and_nothing_crashes(tmp_path: Path, rows: list[Any], calls: list[Any]) -> None:
    cells = pa.array([row[1] for row in rows], CELLS).flatten()
    ids = [pa.array([row[0] for row in part], pa.string()) for part in (rows, calls)]
    dates = [pa.array([row[2] for row in part], pa.timestamp("ms")) for part in (rows, calls)]
    segment_rows = {field.name: cell for field, cell in zip(CELLS, cells, strict=True)}
    first = save(tmp_path / "1.parquet", {"call_id": ids[0], "date": dates[0], **segment_rows}, row_group_size=3)
    lists = pa.array([call[1] for call in calls], pa.list_(CELLS))
    second = save(tmp_path / "2.parquet", {"call_id": ids[1], "date": dates[1], "segments": lists})

    found = read(tmp_path, first, second)

    assert sum(item.rows for item in found) == len(rows) + sum(max(1, len(call[1] or ())) for call in calls)
    known = [call.call_id for call in found if isinstance(call, Call)]
    assert len(known) == len(set(known))

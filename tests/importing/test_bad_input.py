"""What cannot be read is rejected with a reason from the list, and never stops the others."""

import codecs
import gzip
import io
import json
import os
import signal
import tarfile
import zipfile
from pathlib import Path

import pytest
from importing_kit import FIXTURES, reasons, run_import
from nursery import Nursery

from scorer.errors import InputError, RunError
from scorer.importing import decode, files

GOOD = FIXTURES / "transcribe_call_analytics.json"
TEXT = GOOD.read_text(encoding="utf-8")
DEEPGRAM = json.loads((FIXTURES / "deepgram_speakers.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty_file"),
        (b" \r\n\t", "empty_file"),
        (codecs.BOM_UTF8, "empty_file"),
        (TEXT[: len(TEXT) // 2].encode(), "broken_json"),
        (b'{"a": ' + b"9" * 5000 + b"}", "broken_json"),
        (b"[" * 100_000, "broken_json"),
        ('Agent: "Gr\u00fc\u00dfe"\nCustomer: hello\n'.encode("latin-1"), "wrong_encoding"),
        (b"\x89PNG\r\n\x1a\n\xff\xd8", "wrong_encoding"),
        (b'{"jobName": "j", "status": "FAILED", "FailureReason": "no media"}', "error_document"),
        (b'{"err_code": "BAD", "err_msg": "no", "request_id": "r"}', "error_document"),
        (b'{"error": {"code": "NotFound", "message": "gone"}}', "error_document"),
        (b'{"code": 20404, "message": "gone", "status": 404}', "error_document"),
        (b'{"id": "1", "status": "error", "audio_url": "u", "error": "gone"}', "error_document"),
        (b'{"name": "somebody"}', "unknown_format"),
        (b"null", "unknown_format"),
        (b"just a sentence without a speaker", "unknown_format"),
        (b"PK\x03\x04 not a zip", "unknown_format"),
        (b"WEBVTT\n\n00:00:99 --> tomorrow\nhello\n", "bad_times"),
        (b"WEBVTT\n\n00:00:05.000 --> 00:00:01.000\nhello\n", "bad_times"),
        (b"Agent: only me\nAgent: and me again\nAgent: and me\n", "unknown_format"),
        (b"Ana: hello there\nBen: hello\nAna: how are you\nBen: well\n", "roles_unknown"),
        (b"speaker,text,start\nagent,hi,soon\ncustomer,ho,2\n", "bad_times"),
    ],
)
def test_bad_content_has_its_reason(tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / "call.json").write_bytes(content)

    assert reasons(tmp_path / "call.json", out=tmp_path / "calls.parquet") == [reason]


def test_parquet_is_sent_on_to_be_scored(tmp_path: Path) -> None:
    run_import(GOOD, out=tmp_path / "good.parquet")

    calls, rejects = run_import(tmp_path / "good.parquet", out=tmp_path / "calls.parquet")

    assert calls == [] and rejects[0]["reason"] == "unknown_format" and "scorer score" in rejects[0]["detail"]


def test_what_a_text_without_a_format_may_need_is_said(tmp_path: Path) -> None:
    (tmp_path / "call.txt").write_text("Ana> hello\nBen> hello\n", encoding="utf-8")

    assert reasons(tmp_path / "call.txt", out=tmp_path / "calls.parquet") == ["unknown_format"]
    assert "need --speaker-pattern" in (tmp_path / "_calls.rejects.csv").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('"BeginOffsetMillis": 500', '"BeginOffsetMillis": "500"', "bad_times"),
        ('"BeginOffsetMillis": 500', '"BeginOffsetMillis": -500', "bad_times"),
        ('"BeginOffsetMillis": 500', '"BeginOffsetMillis": 1e400', "bad_times"),
        ('"BeginOffsetMillis": 500', '"BeginOffsetMillis": 1767607200000', "bad_times"),
        ('"BeginOffsetMillis": 500', '"BeginOffsetMillis": 9500', "bad_times"),
        ('"Content": "Thanks."', '"Content": 7', "unexpected_shape"),
        ('"Transcript": [', '"Transcript": ["x",', "unknown_format"),
        ('"ParticipantRole": "CUSTOMER"', '"ParticipantRole": "SUPERVISOR"', "roles_unknown"),
    ],
)
def test_a_field_of_another_kind_has_its_reason(tmp_path: Path, old: str, new: str, reason: str) -> None:
    assert old in TEXT
    (tmp_path / "call.json").write_text(TEXT.replace(old, new), encoding="utf-8")

    assert reasons(tmp_path / "call.json", out=tmp_path / "calls.parquet") == [reason]


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("contact_lens.json", '"Version": "1.1.0"', '"Version": "2.0"'),
        ("contact_lens.json", '"Channel": "VOICE"', '"Channel": "CHAT"'),
        ("vcon_messages.json", '"vcon": "0.4.0"', '"vcon": "1.0"'),
        ("vcon_messages.json", '"vcon": "0.4.0"', '"critical": ["lawful"]'),
        ("genesys.json", '"mediaType": "call"', '"mediaType": "chat"'),
    ],
)
def test_another_version_is_refused(tmp_path: Path, name: str, old: str, new: str) -> None:
    text = (FIXTURES / name).read_text(encoding="utf-8")
    assert old in text
    (tmp_path / "call.json").write_text(text.replace(old, new), encoding="utf-8")

    assert reasons(tmp_path / "call.json", out=tmp_path / "calls.parquet") == ["unsupported_version"]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_an_encoding_that_is_certain_is_read(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "call.json").write_bytes(TEXT.encode(encoding))

    calls, rejects = run_import(tmp_path / "call.json", out=tmp_path / "calls.parquet")

    assert [call["call_id"] for call in calls] == ["job-1"] and rejects == []


def test_two_formats_that_fit_are_refused_and_one_can_be_named(tmp_path: Path) -> None:
    both = json.loads(TEXT) | DEEPGRAM
    (tmp_path / "call.json").write_text(json.dumps(both), encoding="utf-8")

    _, rejects = run_import(tmp_path / "call.json", out=tmp_path / "calls.parquet")
    calls, _ = run_import(tmp_path / "call.json", out=tmp_path / "calls.parquet", format_name="transcribe_call_analytics")

    assert rejects[0]["reason"] == "ambiguous_format" and "deepgram (results.channels" in rejects[0]["detail"]
    assert calls[0]["source_format"] == "transcribe_call_analytics"


def test_no_reject_holds_words_of_the_call(tmp_path: Path) -> None:
    bent = TEXT.replace('"Content": "Thanks."', '"Content": {"tangerine": "tangerine"}')
    (tmp_path / "a.json").write_text(bent, encoding="utf-8")
    (tmp_path / "b.json").write_text(bent[:-200], encoding="utf-8")
    (tmp_path / "c.txt").write_text("Tangerine: hello\nBen: tangerine\nTangerine: ho\nBen: tangerine\n", encoding="utf-8")

    _, rejects = run_import(tmp_path, out=tmp_path / "calls.parquet")

    assert len(rejects) == 3 and "tangerine" not in str(rejects).casefold()


def test_lines_of_json_lines_fail_one_by_one(tmp_path: Path) -> None:
    good = json.dumps(json.loads(TEXT))
    (tmp_path / "night.jsonl").write_text("\n".join([good, good[:300], good.replace("job-1", "job-2"), ""]), encoding="utf-8")

    calls, rejects = run_import(tmp_path / "night.jsonl", out=tmp_path / "calls.parquet")

    assert [call["call_id"] for call in calls] == ["job-1", "job-2"]
    assert [(row["reason"], row["detail"][:7]) for row in rejects] == [("broken_json", "line 2:")]


def test_a_bad_first_line_does_not_take_the_others_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good = json.dumps(json.loads(TEXT))
    (tmp_path / "a.jsonl").write_text("\n".join([good[:300], good]), encoding="utf-8")
    (tmp_path / "b.jsonl").write_text("\n".join([good + " " * 3 * len(good), good.replace("job-1", "job-2")]), encoding="utf-8")
    for module in (files, decode):
        monkeypatch.setattr(module, "MAX_BYTES", len(good) + 400)

    calls, rejects = run_import(tmp_path, out=tmp_path / "calls.parquet")

    assert [call["call_id"] for call in calls] == ["job-1", "job-2"]
    assert [(row["reason"], row["detail"][:6]) for row in rejects] == [("broken_json", "line 1"), ("too_large", "line 1")]


def test_lines_that_are_no_documents_are_refused_one_by_one(tmp_path: Path) -> None:
    (tmp_path / "night.jsonl").write_text('{"a": 1}\n5\n"x"\nnull\n[1]\n[{}]\n', encoding="utf-8")

    assert reasons(tmp_path / "night.jsonl", out=tmp_path / "calls.parquet") == ["unknown_format"] * 6


def test_text_that_begins_with_a_bracket_is_text(tmp_path: Path) -> None:
    (tmp_path / "call.txt").write_text("[Agent] hello\n[Customer] hello there\n[00:07] Agent: goodbye\n", encoding="utf-8")

    (call,), _ = run_import(tmp_path / "call.txt", out=tmp_path / "calls.parquet")

    assert [(s["speaker"], s["text"]) for s in call["segments"]] == [("agent", "hello"), ("customer", "hello there"), ("agent", "goodbye")]


def test_a_list_of_documents_is_read_one_by_one(tmp_path: Path) -> None:
    one = json.loads(TEXT)
    (tmp_path / "calls.json").write_text(json.dumps([one, {"x": 1}, one | {"JobName": "job-2"}]), encoding="utf-8")

    calls, rejects = run_import(tmp_path / "calls.json", out=tmp_path / "out.parquet")

    assert [call["call_id"] for call in calls] == ["job-1", "job-2"]
    assert [row["source"][-12:] for row in rejects] == ["calls.json:2"]


def test_a_file_too_large_is_refused_unless_it_has_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    line = json.dumps(json.loads(TEXT))
    for module in (files, decode):
        monkeypatch.setattr(module, "MAX_BYTES", len(line) + 100)
    (tmp_path / "a.json").write_text(TEXT + " " * len(line), encoding="utf-8")
    (tmp_path / "b.jsonl").write_text(line + "\n" + line.replace("job-1", "job-2"), encoding="utf-8")

    calls, rejects = run_import(tmp_path, out=tmp_path / "calls.parquet")

    assert [call["call_id"] for call in calls] == ["job-1", "job-2"]
    assert [row["reason"] for row in rejects] == ["too_large"]


def test_the_same_call_is_taken_once(tmp_path: Path) -> None:
    (tmp_path / "Redacted").mkdir()
    for path in (tmp_path / "call.json", tmp_path / "Redacted/call.json"):
        path.write_text(TEXT, encoding="utf-8")

    calls, rejects = run_import(tmp_path, out=tmp_path / "calls.parquet")

    assert [call["source_uri"] for call in calls] == [str(tmp_path / "call.json")]
    assert [row["reason"] for row in rejects] == ["duplicate_call"]


def test_archives_are_read_member_by_member(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("x/call.json", TEXT)
        archive.writestr("__MACOSX/._call.json", b"\0")
    with tarfile.open(tmp_path / "b.tar.gz", "w:gz") as tar:
        tar.add(FIXTURES / "contact_lens.json", "contact.json")
    (tmp_path / "c.json.gz").write_bytes(gzip.compress(TEXT.replace("job-1", "job-2").encode()))

    calls, rejects = run_import(tmp_path, out=tmp_path / "calls.parquet")

    assert [call["source_uri"].rpartition("/")[2] for call in calls] == [
        "call.json",
        "b.tar.gz!contact.json",
        "c.json.gz",
    ] and rejects == []


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (files, decode):
        monkeypatch.setattr(module, "MAX_BYTES", 1 << 20)
    for name, member in (("a.zip", "x.json"), ("b.zip", "y.xlsx")):
        with zipfile.ZipFile(tmp_path / name, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(member, b" " * (8 << 20))
    (tmp_path / "b.zip").rename(tmp_path / "b.xlsx")
    (tmp_path / "c.json.gz").write_bytes(gzip.compress(b" " * (8 << 20)))

    assert reasons(tmp_path, out=tmp_path / "calls.parquet") == ["archive_limit", "archive_limit", "too_large"]


def test_names_that_are_not_utf8_are_written_so_that_they_can_be_read(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / os.fsdecode(b"a\xff.vtt")).write_bytes((FIXTURES / "webvtt.vtt").read_bytes())
    (folder / os.fsdecode(b"b\xff.json")).write_bytes(b"{")
    with tarfile.open(folder / "c.tar", "w") as tar:
        tar.add(FIXTURES / "webvtt.vtt", os.fsdecode(b"c\xff.vtt"))

    calls, rejects = run_import(folder, out=tmp_path / "calls.parquet")

    assert [Path(call["source_uri"]).name for call in calls] == ["a\\xff.vtt", "c.tar!c\\xff.vtt"]
    assert [Path(row["source"]).name for row in rejects] == ["b\\xff.json"]


@pytest.mark.parametrize("name", ["vcon_text.json", "vcon_markdown.json", "contact_lens.json"])
def test_half_a_character_is_refused(tmp_path: Path, name: str) -> None:
    text = (FIXTURES / name).read_text(encoding="utf-8")
    (tmp_path / "call.json").write_text(text.replace("Thanks.", "Thanks \\ud83d"), encoding="utf-8")

    assert reasons(tmp_path / "call.json", out=tmp_path / "calls.parquet") == ["unexpected_shape"]


def test_a_call_of_a_table_that_is_refused_does_not_take_the_others_with_it(tmp_path: Path) -> None:
    (tmp_path / "night.csv").write_text(
        "call_id,speaker,text,start\n"
        "1,agent,hello,0\n1,customer,well, no,1\n"  # the comma is not in quotes
        "2,agent,hello,soon\n2,customer,ho,1\n"
        "3,agent,hello,0\n3,customer,ho,700000\n"  # milliseconds
        "4,agent,hello,0\n,customer,ho,1\n,agent,hello,0\n"
        "5,agent,hello,0\n5,customer,ho,1\n"
    )

    calls, rejects = run_import(tmp_path / "night.csv", out=tmp_path / "calls.parquet")

    assert [(call["call_id"], len(call["segments"])) for call in calls] == [("5", 2)]
    assert [(row["call_id"], row["reason"]) for row in rejects] == [
        ("1", "unexpected_shape"),
        ("2", "bad_times"),
        ("3", "bad_times"),
        ("4", "roles_unknown"),
        ("night-4", "unexpected_shape"),
    ]


def test_a_part_of_a_call_or_a_heap_of_calls_is_not_taken_for_a_call(tmp_path: Path) -> None:
    messages = [{"call_id": at, "role": who, "content": "hello"} for at in (1, 2) for who in ("agent", "customer")]
    (tmp_path / "a.json").write_text(json.dumps(messages), encoding="utf-8")
    page = json.loads((FIXTURES / "twilio.json").read_text(encoding="utf-8")) | {
        "meta": {"page_size": 50, "next_page_url": "https://x.invalid"}
    }
    (tmp_path / "b.json").write_text(json.dumps(page), encoding="utf-8")

    assert reasons(tmp_path, out=tmp_path / "calls.parquet") == ["unexpected_shape"] * 2


def test_a_moment_of_zero_among_moments_of_today_is_refused(tmp_path: Path) -> None:
    upload = json.loads((FIXTURES / "cx_insights_upload.json").read_text(encoding="utf-8"))
    upload["entries"][0]["start_timestamp_usec"] = 0
    (tmp_path / "call.json").write_text(json.dumps(upload), encoding="utf-8")

    assert reasons(tmp_path / "call.json", out=tmp_path / "calls.parquet") == ["bad_times"]


def test_archives_with_members_of_the_same_name_are_all_read_and_a_damaged_member_is_told(tmp_path: Path) -> None:
    for day in ("mon", "tue"):
        with zipfile.ZipFile(tmp_path / f"{day}.zip", "w") as archive:
            archive.writestr("broken.json", b"tangerine")
            archive.write(FIXTURES / "webvtt.vtt", "call.vtt")
    (tmp_path / "mon.zip").write_bytes((tmp_path / "mon.zip").read_bytes().replace(b"tangerine", b"mandarins"))
    (tmp_path / "nowhere.vtt").symlink_to(tmp_path / "none.vtt")

    calls, rejects = run_import(str(tmp_path / "*.*"), out=tmp_path / "out/calls.parquet")

    assert [call["call_id"] for call in calls] == ["mon/call", "tue/call"]
    assert [(Path(row["source"]).name, row["reason"]) for row in rejects] == [
        ("mon.zip!broken.json", "unreadable"),
        ("nowhere.vtt", "unreadable"),
        ("tue.zip!broken.json", "unknown_format"),
    ]


def test_a_damaged_archive_is_refused(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("call.json", TEXT)
    (tmp_path / "a.zip").write_bytes(buffer.getvalue()[:-30])
    (tmp_path / "b.tar").write_bytes(b"no tar at all")

    assert reasons(tmp_path, out=tmp_path / "calls.parquet") == ["unreadable", "unreadable"]


def test_links_and_paths_that_lead_out_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "link.json").symlink_to(GOOD)
    (folder / "linked").symlink_to(FIXTURES)
    with tarfile.open(folder / "x.tar", "w") as tar:
        link = tarfile.TarInfo("call.json")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
        tar.add(GOOD, "../../call.json")

    assert reasons(folder, out=tmp_path / "calls.parquet") == ["outside_folder"] * 4


@pytest.mark.parametrize(
    ("options", "part"),
    [
        ({"role_map": "ch_0"}, "LABEL=ROLE"),
        ({"role_map": "ch_0=boss"}, "LABEL=ROLE"),
        ({"role_map": "a=agent,A=customer"}, "twice"),
        ({"speaker_pattern": "("}, "regular expression"),
        ({"speaker_pattern": "(?P<speaker>.*)"}, "name both parts"),
        ({"format_name": "deepgramm"}, "choose auto or one of"),
    ],
)
def test_a_wrong_option_stops_the_import(tmp_path: Path, options: dict[str, str], part: str) -> None:
    with pytest.raises(InputError, match=part):
        run_import(GOOD, out=tmp_path / "calls.parquet", **options)

    assert list(tmp_path.iterdir()) == []


def test_a_source_that_leads_nowhere_leaves_what_the_import_before_wrote(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="check the path"):
        run_import(GOOD, tmp_path / "none.json", out=tmp_path / "calls.parquet")
    assert list(tmp_path.iterdir()) == []

    run_import(GOOD, out=tmp_path / "calls.parquet")
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(InputError, match="check the path"):
        run_import(tmp_path / "none.json", out=tmp_path / "calls.parquet")
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before and len(before) == 2


def test_folders_that_a_pattern_hits_are_read_and_an_empty_one_is_no_night(tmp_path: Path) -> None:
    for day in ("20", "21"):
        (tmp_path / "days" / day).mkdir(parents=True)
        (tmp_path / "days" / day / "call.json").write_text(TEXT)
    (tmp_path / "none").mkdir()

    assert len(list(files.documents([str(tmp_path / "days/*")]))) == 2
    assert len(list(files.documents([str(tmp_path / "days/**")]))) == 2
    with pytest.raises(InputError, match="none: holds no file"):
        run_import(tmp_path / "none", out=tmp_path / "out/calls.parquet")
    assert list((tmp_path / "out").iterdir()) == []


def test_a_pipe_that_is_named_is_refused_and_not_taken_for_an_empty_night(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    for name in (tmp_path / "pipe", "/dev/null", "-"):
        with pytest.raises(InputError, match="into a file, and name that"):
            list(files.documents([str(name)]))


def test_two_imports_into_one_file_do_not_mix(tmp_path: Path, nursery: Nursery, other_nursery: Nursery) -> None:
    command = ("import", GOOD, "-o", tmp_path / "calls.parquet")
    first = nursery.start(*command, fault="lock:wait")
    first.wait_at("lock")

    code, said = other_nursery.run(*command)

    assert code == 75
    assert f"process {first.pid}" in said and "calls.parquet" in said.replace("\n", "")
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    assert other_nursery.run(*command)[0] == 0  # what the first left does not hold it up
    assert sorted(path.name for path in tmp_path.iterdir()) == ["_calls.rejects.csv", "calls.parquet"]


CUES = (
    "1\n00:00:01,000 --> 00:00:02,000\nAgent: hello\n\n2\n00:00:02,500 --> 00:00:03,000\n\n3\n00:00:03,500 --> 00:00:04,000\nCustomer: hi\n"
)
TALK = [{"role": "agent", "content": "hello"}, {"role": "customer", "content": "hi"}]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty-cue.srt", CUES),
        ("empty-cue.srt", CUES.replace("\n", "\r\n")),
        ("some-ids.json", json.dumps([TALK[0], TALK[1] | {"call_id": 7}])),
        ("one-id.json", json.dumps([TALK[0] | {"call_id": "7"}, TALK[1] | {"call_id": 7}])),
        ("tools.json", json.dumps({"id": "x", "messages": [TALK[0] | {"call_id": "a"}, TALK[1] | {"call_id": "b"}]})),
        ("indented.jsonl", "".join(f" {json.dumps({'id': n, 'messages': TALK})}\n" for n in range(1))),
        ("addresses.txt", "Agent: hello\nmailto:ana@x.invalid\nCustomer: hi\nmailto:ben@x.invalid\n"),
        ("no-ids.csv", "call_id,speaker,text\n,agent,hello\n,customer,hi\n"),
        ("blank-cell.csv", "speaker,text\nagent,hello, \ncustomer,hi\n"),
    ],
)
def test_what_is_odd_and_harmless_is_imported(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_bytes(content.encode())

    (call,), rejects = run_import(tmp_path / name, out=tmp_path / "calls.parquet")

    assert rejects == []
    assert [segment["speaker"] for segment in call["segments"] if segment["text"].split()[0] in ("hello", "hi")] == ["agent", "customer"]


@pytest.mark.parametrize("out", ["", ".", "/", "/dev/null", "s3://bucket/calls.parquet"])
def test_what_no_table_can_be_written_to_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, out: str) -> None:
    monkeypatch.chdir(tmp_path)

    with pytest.raises(RunError, match=r"is no file|works on folders of this machine"):
        run_import(GOOD, out=Path(out))
    assert list(tmp_path.iterdir()) == []

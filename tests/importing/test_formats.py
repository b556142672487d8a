"""Every format gives the same call, with as much of its clock and its roles as it holds."""

import json
from pathlib import Path

import pytest
from importing_kit import CALL, FIXTURES, run_import

from scorer.importing.recognise import known_formats

IVR = ("ivr", "Press one for orders.")
# fixture, role map, tier, what says the roles, call_id, machines before the call
GOLDEN = [
    ("transcribe_call_analytics.json", "", "words", "field", "job-1", ()),
    ("contact_lens.json", "", "turns", "participants", "contact-1", (("ivr", "This call is recorded."),)),
    ("transcribe_speakers.json", "spk_0=agent,spk_1=customer", "none", "speaker_map", "job-2", ()),
    ("transcribe_channels.json", "ch_0=agent,ch_1=customer", "words", "channel_map", "job-3", ()),
    ("post_call_analytics.json", "", "turns", "participants", "guid-1", (IVR,)),
    ("bedrock_data_automation.json", "ch_1=agent,ch_0=customer", "words", "channel_map", "bedrock_data_automation", ()),
    ("cx_insights_upload.json", "", "none", "field", "cx_insights_upload", (("bot", "Welcome to Mill Lane Bikes."),)),
    ("cx_insights.json", "", "words", "channel_map", "conv-1", ()),
    ("deepgram_speakers.json", "spk_0=agent,spk_1=customer", "none", "speaker_map", "dg-1", ()),
    ("deepgram_channels.json", "ch_0=agent,ch_1=customer", "words", "channel_map", "dg-2", ()),
    ("assemblyai_speakers.json", "A=agent,B=customer", "none", "speaker_map", "aai-1", ()),
    ("assemblyai_channels.json", "ch_1=agent,ch_2=customer", "words", "channel_map", "aai-2", ()),
    ("whisperx.json", "SPEAKER_00=agent,speaker_01=customer", "none", "speaker_map", "whisperx", ()),
    ("azure_batch.json", "ch_0=agent,ch_1=customer", "words", "channel_map", "azure_batch", ()),
    ("azure_fast.json", "spk_1=agent,spk_2=customer", "none", "speaker_map", "azure_fast", ()),
    ("twilio.json", "", "turns", "channel_map", "GT1", ()),
    ("genesys.json", "", "words", "field", "gen-1", (IVR,)),
    ("vcon_deepgram.json", "", "words", "channel_map", "vcon-1", ()),
    ("vcon_messages.json", "", None, "participants", "vcon-2", ()),
    ("vcon_wtf.json", "spk_0=agent,spk_1=customer", "none", "speaker_map", "vcon-3", ()),
    ("vcon_markdown.json", "", None, "participants", "vcon-4", ()),
    ("vcon_text.json", "", None, "participants", "vcon-5", ()),
    ("webvtt.vtt", "", "none", "field", "webvtt", ()),
    ("srt_brackets.srt", "", "none", "field", "srt_brackets", ()),
    ("srt_whisperx.srt", "SPEAKER_00=agent,SPEAKER_01=customer", "none", "speaker_map", "srt_whisperx", ()),
    ("plain.txt", "", None, "field", "plain", ()),
    ("markdown.md", "", None, "field", "markdown", ()),
    ("text_in_json.json", "", None, "field", "conv-9", ()),
    ("rows.csv", "", "turns", "field", "csv-1", ()),
    ("rows.xlsx", "", "none", "field", "17", ()),
    ("rows.jsonl", "", "turns", "field", "json-1", ()),
    ("rows.json", "", "turns", "field", "json-2", ()),
    ("calls.jsonl", "", "turns", "field", "own-1", ()),
    (
        "chat_messages.jsonl",
        "assistant=agent,user=customer",
        None,
        "speaker_map",
        "chat-1",
        (("ivr", "You are an agent of Mill Lane Bikes."),),
    ),
]


@pytest.mark.parametrize(("name", "role_map", "tier", "role_source", "call_id", "machines"), GOLDEN, ids=lambda value: str(value)[:30])
def test_a_fixture_gives_the_call(
    tmp_path: Path, name: str, role_map: str, tier: str | None, role_source: str, call_id: str, machines: tuple[tuple[str, str], ...]
) -> None:
    (call,), rejects = run_import(FIXTURES / name, out=tmp_path / "calls.parquet", role_map=role_map)

    said = [(s["speaker"], s["text"]) for s in call["segments"]]
    assert rejects == [] and said == [*machines, *((role, text) for role, _, _, text in CALL)]
    starts = [s["start"] for s in call["segments"][len(machines) :]]
    assert starts == ([None] * 5 if tier is None else pytest.approx([start for _, start, _, _ in CALL]))
    ends = [s["end"] for s in call["segments"][len(machines) :]]
    assert ends == ([None] * 5 if tier in (None, "none") else pytest.approx([end for _, _, end, _ in CALL]))
    assert (call["tier"], call["role_source"], call["call_id"]) == (tier or "none", role_source, call_id)
    assert not call["role_suspect"] and call["source_uri"].endswith(name)


def test_every_format_has_a_fixture(tmp_path: Path) -> None:
    calls, rejects = run_import(FIXTURES, out=tmp_path / "calls.parquet")

    assert {name for name, *_ in GOLDEN} == {path.name for path in FIXTURES.iterdir()}
    assert {row["source_format"] for row in calls} | {row["format"] for row in rejects} == {known.name for known in known_formats()}


@pytest.mark.parametrize("name", [name for name, _, tier, *_ in GOLDEN if tier == "words"])
def test_word_times_are_kept_where_both_parties_have_them(tmp_path: Path, name: str) -> None:
    role_map = next(m for n, m, *_ in GOLDEN if n == name)
    (call,), _ = run_import(FIXTURES / name, out=tmp_path / "calls.parquet", role_map=role_map)

    order = next(s for s in call["segments"] if s["text"].startswith("My order"))
    assert [word["text"].strip(".").casefold() for word in order["words"]] == [
        "my",
        "order",
        "[pii]",
        "came",
        "with",
        "a",
        "broken",
        "wheel",
    ]
    assert (order["words"][0]["start"], order["words"][-1]["end"]) == pytest.approx((2.3, 5.0), abs=1e-3)


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("transcribe_call_analytics.json", [("customer", 2.3, 2.5), ("agent", 5.5, 5.6)]),
        ("contact_lens.json", []),
        ("post_call_analytics.json", [("agent", 5.5, 7.5)]),
        ("cx_insights.json", [("agent", 5.5, 7.5)]),
        ("genesys.json", None),
    ],
)
def test_interruptions_of_the_source_are_carried(tmp_path: Path, name: str, found: list[tuple[str, float, float]] | None) -> None:
    (call,), _ = run_import(FIXTURES / name, out=tmp_path / "calls.parquet")

    counted = call["vendor_interruptions"]
    assert (counted if counted is None else [tuple(item.values()) for item in counted]) == found


def test_of_several_transcripts_in_a_vcon_the_first_with_speakers_is_taken(tmp_path: Path) -> None:
    vcon = json.loads((FIXTURES / "vcon_messages.json").read_text(encoding="utf-8"))
    blob = {"type": "transcript", "dialog": 0, "encoding": "json", "body": {"transcript": "all in one", "confidence": 0.9}}
    (tmp_path / "both.json").write_text(json.dumps(vcon | {"analysis": [blob, *vcon["analysis"]]}), encoding="utf-8")
    (tmp_path / "blob.json").write_text(json.dumps(vcon | {"analysis": [blob]}), encoding="utf-8")

    calls, rejects = run_import(tmp_path / "both.json", tmp_path / "blob.json", out=tmp_path / "calls.parquet")

    assert [len(call["segments"]) for call in calls] == [5]
    assert [row["reason"] for row in rejects] == ["roles_unknown"]


def test_a_dialog_whose_only_transcript_cannot_be_read_is_told(tmp_path: Path) -> None:
    vcon = json.loads((FIXTURES / "vcon_messages.json").read_text(encoding="utf-8"))
    vcon["dialog"] *= 2
    vcon["analysis"].append({"type": "transcript", "dialog": 1, "encoding": "none", "body": [{"speaker": 5}]})
    (tmp_path / "call.json").write_text(json.dumps(vcon), encoding="utf-8")

    calls, rejects = run_import(tmp_path / "call.json", out=tmp_path / "calls.parquet")

    assert [call["call_id"] for call in calls] == ["vcon-2"]
    assert [(row["call_id"], row["reason"]) for row in rejects] == [("vcon-2-1", "unexpected_shape")]


def test_text_dialogs_are_in_order_of_time_and_none_is_left_out(tmp_path: Path) -> None:
    vcon = json.loads((FIXTURES / "vcon_text.json").read_text(encoding="utf-8"))
    for dialog, start in zip(vcon["dialog"], ("10:00:00Z", "10:00:00.5Z", "12:00:01+02:00", "10:00:02Z", "10:00:03Z"), strict=True):
        dialog["start"] = f"2026-01-05T{start}"
    vcon["dialog"] += [{"type": "text", "body": None}, {"type": "text", "mediatype": "image/png", "body": "aG8", "encoding": "base64url"}]
    (tmp_path / "a.json").write_text(json.dumps(vcon), encoding="utf-8")
    vcon["dialog"][1] |= {"encoding": "base64url", "body": "aG8"}
    (tmp_path / "b.json").write_text(json.dumps(vcon), encoding="utf-8")

    (call,), rejects = run_import(tmp_path, out=tmp_path / "calls.parquet")

    assert [segment["text"] for segment in call["segments"]] == [text for *_, text in CALL]
    assert [row["reason"] for row in rejects] == ["unexpected_shape"]


def test_what_the_source_knows_of_the_call_is_carried(tmp_path: Path) -> None:
    (call,), _ = run_import(FIXTURES / "genesys.json", out=tmp_path / "calls.parquet")

    assert (call["agent_id"], call["started_at"], call["language"]) == ("a-7", "2026-01-05T10:00:00Z", "en-gb")
    (other,), _ = run_import(FIXTURES / "deepgram_channels.json", out=tmp_path / "calls.parquet", role_map="ch_0=agent,ch_1=customer")
    assert other["started_at"] is None  # when it was transcribed says nothing of the call
    first = call["segments"][1]
    assert (first["speaker_label"], first["role_source"], first["asr_confidence"]) == ("internal", "field", 0.9)


def test_messages_that_name_one_call_are_that_call(tmp_path: Path) -> None:
    said = [{"call_id": "c7", "speaker": role, "text": text} for role, _, _, text in CALL]
    (tmp_path / "chat.json").write_text(json.dumps(said))

    (call,), rejects = run_import(tmp_path / "chat.json", out=tmp_path / "calls.parquet")

    assert (call["call_id"], len(call["segments"]), rejects) == ("c7", 5, [])


def test_lines_that_are_a_segment_each_are_calls_by_their_id_in_any_order(tmp_path: Path) -> None:
    said = [{"call_id": call_id, "speaker": role, "text": text} for role, _, _, text in CALL for call_id in ("c8", 9)]
    lines = [*map(json.dumps, said[:7]), "{damaged", *map(json.dumps, said[7:])]
    (tmp_path / "night.jsonl").write_text("\n".join(lines))

    calls, rejects = run_import(tmp_path / "night.jsonl", out=tmp_path / "calls.parquet")

    assert [(call["call_id"], len(call["segments"])) for call in calls] == [("c8", 5), ("9", 5)]
    assert [(row["reason"], row["detail"].split(":")[0]) for row in rejects] == [("broken_json", "line 8")]


ROWS = [{"call_id": "c1", "speaker": role, "text": text, "start": start} for role, start, _, text in CALL]


@pytest.mark.parametrize(
    ("change", "texts"),
    [
        ({"text": None}, [text for *_, text in CALL[:1] + CALL[2:]]),  # says nothing
        ({"call_id": 17.0}, [text for *_, text in CALL[:1] + CALL[2:]]),
        ({"queue": "q"}, [text for *_, text in CALL]),
    ],
    ids=str,
)
@pytest.mark.parametrize("name", ["night.json", "night.jsonl"])
def test_rows_in_json_are_read_as_those_of_a_table(tmp_path: Path, name: str, change: dict[str, object], texts: list[str]) -> None:
    rows = [row | change if at == 1 else row for at, row in enumerate(ROWS)]
    (tmp_path / name).write_text("\n".join(map(json.dumps, rows)) if name.endswith("l") else json.dumps(rows))

    calls, rejects = run_import(tmp_path / name, out=tmp_path / "calls.parquet")

    assert [segment["text"] for segment in calls[0]["segments"]] == texts
    assert [segment["start"] for segment in calls[0]["segments"]][-1] == 8.9
    assert [row["call_id"] for row in rejects] == (["17"] if "call_id" in change else [])  # one party only


@pytest.mark.parametrize("name", ["night.json", "night.jsonl"])
def test_a_row_in_json_without_a_speaker_is_spoken_by_nobody_known(tmp_path: Path, name: str) -> None:
    rows = [row for row in ROWS if row["text"] != "Thanks."] + [
        {"call_id": "c1", "text": "Bye."},
        {"call_id": "c1", "speaker": None, "text": "Bye"},
    ]
    (tmp_path / name).write_text("\n".join(map(json.dumps, rows)) if name.endswith("l") else json.dumps(rows))

    (call,), rejects = run_import(tmp_path / name, out=tmp_path / "calls.parquet")

    assert [segment["speaker"] for segment in call["segments"]] == ["agent", "customer", "agent", "agent", "unknown", "unknown"]
    assert rejects == []


def test_a_single_line_that_is_a_segment_is_a_call_of_one_party(tmp_path: Path) -> None:
    (tmp_path / "night.jsonl").write_text(json.dumps(ROWS[0]) + "\n")

    calls, rejects = run_import(tmp_path / "night.jsonl", out=tmp_path / "calls.parquet")

    assert calls == [] and [(row["call_id"], row["reason"]) for row in rejects] == [("c1", "roles_unknown")]


def test_a_segment_a_line_in_a_file_too_large_to_hold_is_one_reject(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "night.jsonl").write_text("\n".join(map(json.dumps, ROWS)))
    monkeypatch.setattr("scorer.importing.files.MAX_BYTES", 100)

    calls, rejects = run_import(tmp_path / "night.jsonl", out=tmp_path / "calls.parquet")

    assert calls == [] and [row["reason"] for row in rejects] == ["too_large"] and "Parquet" in rejects[0]["detail"]

"""Speakers in written text are found where they are marked, and only there."""

import re
from pathlib import Path

import pytest
from importing_kit import run_import

from scorer.config import Speakers
from scorer.importing.lines import Line, marked
from scorer.importing.recognise import has_path
from scorer.importing.roles import role_names
from scorer.importing.source import ReadOptions

ROLES = ReadOptions(roles=role_names(Speakers()))


@pytest.mark.parametrize(
    ("text", "speaker", "words"),
    [
        ("Agent: hello", "Agent", "hello"),
        ("**Customer:** hello", "Customer", "hello"),
        ("**CSR**: hello", "CSR", "hello"),
        ("[Rep] hello", "Rep", "hello"),
        ("Customer:I want to go", "Customer", "I want to go"),
        ("see https://x.invalid", None, "see https://x.invalid"),
        ("[caller]: hello", "caller", "hello"),
        ("(Agent) hello", "Agent", "hello"),
        ("[00:01:02] Agent: hello", "Agent", "hello"),
        ("00:12 Agent: hello", "Agent", "hello"),
        ("[client]\nhello\nagain", "client", "hello\nagain"),
        ("the thing is: hello", None, "the thing is: hello"),
        ("at 10:30 we met", None, "at 10:30 we met"),
        ("[PII] is my name", None, "[PII] is my name"),
        ("[laughs] hello", None, "[laughs] hello"),
        ("hello", None, "hello"),
    ],
)
def test_a_mark_is_a_known_role_or_comes_again(text: str, speaker: str | None, words: str) -> None:
    (found,) = marked([Line(text)], ROLES)

    assert (found.speaker, found.text) == (speaker, words)


def test_names_that_come_again_are_speakers() -> None:
    found = marked([Line("Ana: one"), Line("Note: two"), Line("Ana: three")], ROLES)

    assert [line.speaker for line in found] == ["Ana", None, "Ana"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Customer: I want to go.\nAgent: Why?", [("Customer", "I want to go."), ("Agent", "Why?")]),
        ("Customer: I\nwant to\nAgent:\nWhy?", [("Customer", "I\nwant to"), ("Agent", "Why?")]),
        ("- Agent: Why?\n- Customer: Because.", [("Agent", "Why?"), ("Customer", "Because.")]),
        ("-Agent: Why?\n-Because.", [("Agent", "Why?"), ("", "Because.")]),
        ("- Agent: Why?", [("Agent", "Why?")]),
        ("- Why?", [(None, "- Why?")]),
        ("and more\n[client]\nno", [(None, "and more"), ("client", "no")]),
        ("Agent: it fell to\n-5 and\nthis is: cold", [("Agent", "it fell to\n-5 and\nthis is: cold")]),
    ],
)
def test_a_cue_is_cut_where_another_speaker_begins(text: str, found: list[tuple[str | None, str]]) -> None:
    lines = marked([Line(text, None, 10.0, 19.0)], ROLES)

    assert [(line.speaker, line.text) for line in lines] == found
    assert (lines[0].start_s, lines[-1].end_s) == (10.0, pytest.approx(19.0))
    lengths = [(line.end_s or 0) - (line.start_s or 0) for line in lines]
    share = 9.0 / sum(len(words) for _, words in found)
    assert lengths == pytest.approx([share * len(words) for _, words in found])


def test_the_users_pattern_is_the_only_one() -> None:
    options = ReadOptions(roles=ROLES.roles, speaker_pattern=re.compile(r"(?P<speaker>\w+)> (?P<text>.*)"))

    found = marked([Line("agent> hello"), Line("Customer: ho")], options)

    assert [line.speaker for line in found] == ["agent", None]


@pytest.mark.parametrize(
    ("path", "there"),
    [("a", True), ("a.b[]", True), ("a.b[].c", True), ("a.b[].d", False), ("a.n", False), ("a.e[]", False), ("x", False), ("a.b.c", False)],
)
def test_a_path_leads_through_objects_and_first_items(path: str, there: bool) -> None:
    assert has_path({"a": {"b": [{"c": 0}], "n": None, "e": []}}, path) is there


def test_of_a_cue_only_its_own_tags_are_taken_away(tmp_path: Path) -> None:
    said = "<i>my</i><br/><em>name</em> is <PERSON>"
    (tmp_path / "a.srt").write_text(f"1\n00:00:01,000 --> 00:00:02,000\n[Agent] hi\n\n2\n00:00:03,000 --> 00:00:04,000\n[Client] {said}\n")
    (tmp_path / "b.vtt").write_text(f"WEBVTT\n\n00:01.000 --> 00:02.000\n<v Agent>hi</v>\n\n00:03.000 --> 00:04.000\n<v Client>{said}\n")

    calls, rejects = run_import(tmp_path, out=tmp_path / "calls.parquet")

    assert rejects == [] and [call["segments"][1]["text"] for call in calls] == ["my name is <PERSON>"] * 2


def test_a_subtitle_with_a_cue_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    first, last = "1\n00:00:01,000 --> 00:00:02,000\n[Agent] hi\n\n", "3\n00:00:05,000 --> 00:00:06,000\n[Client] ho\n"
    (tmp_path / "a.srt").write_text(f"{first}00:00:03,000 --> 00:00:04,000\n[Client] hello\n\n{last}")

    calls, rejects = run_import(tmp_path / "a.srt", out=tmp_path / "calls.parquet")

    assert calls == [] and [row["reason"] for row in rejects] == ["unexpected_shape"]


def test_two_speakers_in_a_subtitle_are_two_segments_and_no_words_are_lost(tmp_path: Path) -> None:
    (tmp_path / "a.srt").write_text(
        "1\n00:00:01,000 --> 00:00:03,000\nAgent: Hello, how can I help you today?\n\n"
        "2\n00:00:04,000 --> 00:00:08,000\nCustomer: I want to cancel my plan.\nAgent: Why on earth would you?\n\n"
        "3\n00:00:09,000 --> 00:00:10,000\n- Agent: Why?\n- Customer: Because.\n"
    )
    (tmp_path / "b.txt").write_text(
        "Agent: How can I help you, and what are the numbers?\nCustomer: My orders never came, so here they are.\n"
        "Order: 12345\nOrder: 67890\nAgent: I am sorry about that, let me see what I can do.\nCustomer: I will wait.\n"
    )

    calls, rejects = run_import(tmp_path / "a.srt", tmp_path / "b.txt", out=tmp_path / "calls.parquet")

    assert rejects == []
    subtitles, text = calls
    assert [(s["speaker"], s["text"], s["start"]) for s in subtitles["segments"][1:]] == [
        ("customer", "I want to cancel my plan.", 4.0),
        ("agent", "Why on earth would you?", pytest.approx(4.0 + 4.0 * 25 / 48)),
        ("agent", "Why?", 9.0),
        ("customer", "Because.", pytest.approx(9.0 + 4 / 12)),
    ]
    assert [(s["speaker"], s["speaker_label"], s["text"]) for s in text["segments"][2:4]] == [
        ("unknown", "Order", "Order: 12345"),
        ("unknown", "Order", "Order: 67890"),
    ]

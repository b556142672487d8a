"""Speakers in written text are found where they are marked, and only there."""

import re

import pytest

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

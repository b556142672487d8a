"""What README and configs say is true."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

from scorer.cli import app
from scorer.config import ScoringConfig
from scorer.errors import ExitCode
from scorer.importing.recognise import known_formats
from scorer.importing.source import ImportReason

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = get_command(app).commands  # type: ignore[attr-defined]


def test_every_command_and_option_in_the_readme_exists() -> None:
    named = re.findall(r"`scorer ([\w-]+)([^`]*)`", README)

    assert {name for name, _ in named} >= {"score", "check", "explain", "rescore", "report", "review"}
    for name, rest in named:
        options = {option for parameter in command_of(name, rest).params for option in parameter.opts}
        assert set(re.findall(r"--[\w-]+", rest)) <= options


def command_of(name: str, rest: str) -> Any:
    """The command that the words name; in a group, `open` where none is named."""
    command = COMMANDS[name]
    for word in rest.split():
        if word in getattr(command, "commands", {}):
            command = command.commands[word]
    return command.commands["open"] if "open" in getattr(command, "commands", {}) else command


@pytest.mark.parametrize(
    "target", sorted(set(re.findall(r"(?:^ *|`)make ([\w-]+)", README + (ROOT / ".ci/run").read_text(), re.MULTILINE)))
)
def test_every_make_target_named_exists(target: str) -> None:
    assert re.search(rf"^{target}[ \w]*:", (ROOT / "Makefile").read_text(), re.MULTILINE)


@pytest.mark.parametrize("path", sorted(set(re.findall(r"\]\(([\w./]+)\)", README)) | set(re.findall(r"scorer/\w+(?:\.py|/)", README))))
def test_every_path_named_exists(path: str) -> None:
    assert (ROOT / path).exists()


def test_the_exit_codes_are_those_of_the_program() -> None:
    codes = README.split("Exit codes:")[1].split("\n\n")[0]

    for code in ExitCode:
        assert re.search(rf"\b{code.value} ", codes)


def test_the_table_of_formats_names_every_format_and_the_reasons_are_those_of_the_program() -> None:
    section = README.split("## Transcripts of other systems")[1].split("\n## ")[0]

    assert set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)) == {known.name for known in known_formats()}
    assert [reason.value for reason in ImportReason if f"`{reason.value}`" not in section] == []


def test_every_setting_of_scoring_yaml_is_the_default_and_is_explained() -> None:
    text = (ROOT / "configs/scoring.yaml").read_text(encoding="utf-8")

    assert ScoringConfig.model_validate(yaml.safe_load(text), strict=False) == ScoringConfig()
    assert text.count("#") >= 8

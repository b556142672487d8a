"""What README and configs say is true."""

import inspect
import json
import re
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

from scorer.cli import app
from scorer.config import ScoringConfig
from scorer.engines.engine import Engine
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


def test_the_engine_for_spark_fits_what_it_says_it_is() -> None:
    names: dict[str, Any] = {}
    exec(re.findall(r"```python\n(.*?)```", README, re.DOTALL)[0], names)
    engine: Engine = names["Spark"](None)

    assert [label.name for label in engine.open(ROOT / "models/default")][:2] == ["interruption", "retention_pushiness"]
    assert inspect.isgeneratorfunction(engine.run) and list(inspect.signature(engine.run).parameters) == ["night", "progress"]


def test_the_script_for_a_new_label_says_what_older_calls_were_labelled_for(tmp_path: Path) -> None:
    script = re.findall(r"<<'END'\n(.*?)\n    END", (ROOT / "models/README.md").read_text(encoding="utf-8"), re.DOTALL)[0]
    (tmp_path / "models").mkdir()
    (tmp_path / "models/labels.json").write_text('[{"name": "apology"}, {"name": "problem"}]')
    segments = [{"text": "ä", "labels": ["apology"]}, {"text": "b", "labels": None}, {"text": "c", "labels": [], "judged": ["problem"]}]
    (tmp_path / "calls.jsonl").write_text(json.dumps({"call_id": "c", "segments": segments}) + "\n", encoding="utf-8")

    subprocess.run([sys.executable, "-", "calls.jsonl"], input=textwrap.dedent(script), cwd=tmp_path, text=True, check=True)

    (found,) = map(json.loads, (tmp_path / "calls.jsonl").read_text(encoding="utf-8").splitlines())
    assert [segment.get("judged") for segment in found["segments"]] == [["apology", "problem"], None, ["problem"]]
    assert found["segments"][0]["text"] == "ä"


def test_every_setting_of_scoring_yaml_is_the_default_and_is_explained() -> None:
    text = (ROOT / "configs/scoring.yaml").read_text(encoding="utf-8")

    assert ScoringConfig.model_validate(yaml.safe_load(text), strict=False) == ScoringConfig()
    assert text.count("#") >= 8

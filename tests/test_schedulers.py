"""The schedulers' examples say what they mean, as far as it can be tried without the schedulers."""

import ast
import configparser
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from typer.main import get_command

from scorer.cli import app
from scorer.errors import ExitCode

EXAMPLES = Path(__file__).parents[1] / "configs" / "schedulers"
OPTIONS = {option for parameter in get_command(app).commands["score"].params for option in parameter.opts}  # type: ignore[attr-defined]


@pytest.mark.parametrize("path", sorted(EXAMPLES.iterdir()), ids=lambda path: path.name)
def test_every_option_in_an_example_exists(path: Path) -> None:
    command = re.search(r"scorer score (.*)", path.read_text())

    assert command or path.suffix == ".timer"
    if command:
        used = set(re.findall(r"(?<= )--[a-z]+", command[1]))
        assert {"--date", "--out"} <= used <= OPTIONS


def test_cron_hands_yesterday_to_the_command() -> None:
    line = (EXAMPLES / "cron").read_text().splitlines()[-1]
    told = re.sub(r"(?<!\\)%.*", "", line).split("&& ")[1].replace("\\%", "%").split(" 2>>")[0].replace(".venv/bin/scorer", "echo")

    said = subprocess.run(["sh", "-c", told], capture_output=True, text=True, check=True).stdout

    assert re.search(r"--date \d{4}-\d\d-\d\d ", said)


def test_a_cronjob_forbids_a_second_job_beside_the_first() -> None:
    job = yaml.safe_load((EXAMPLES / "cronjob.yaml").read_text())

    assert job["spec"]["concurrencyPolicy"] == "Forbid"
    pod = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    assert pod["terminationGracePeriodSeconds"] > 10 and pod["restartPolicy"] == "Never"
    date = pod["containers"][0]["command"][2].replace("exec scorer", "echo")
    assert re.search(r"--date \d{4}-", subprocess.run(["sh", "-c", date], capture_output=True, text=True, check=True).stdout)


def test_systemd_gives_a_run_time_to_stop() -> None:
    unit = configparser.ConfigParser(interpolation=None, strict=False)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(EXAMPLES / "scorer.service")

    assert unit["Service"]["TimeoutStopSec"] == "15" and unit["Service"]["SuccessExitStatus"] == "4 75"
    if shutil.which("systemd-analyze"):
        subprocess.run(["systemd-analyze", "calendar", "*-*-* 03:00:00"], capture_output=True, check=True)


def test_what_does_not_go_away_is_not_tried_again() -> None:
    unit = configparser.ConfigParser(interpolation=None, strict=False)
    unit.read(EXAMPLES / "scorer.service")
    rules = yaml.safe_load((EXAMPLES / "cronjob.yaml").read_text())["spec"]["jobTemplate"]["spec"]["podFailurePolicy"]["rules"]

    fails = {int(code) for code in unit["Service"]["RestartPreventExitStatus"].split()}
    (fatal,) = [set(rule["onExitCodes"]["values"]) for rule in rules if rule["action"] == "FailJob"]

    assert fails == {ExitCode.USAGE, ExitCode.BUG} and fatal == fails | {ExitCode.TOO_MANY_REJECTS}


def test_the_airflow_example_is_a_program() -> None:
    ast.parse((EXAMPLES / "airflow_dag.py").read_text())

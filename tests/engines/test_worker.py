"""What a worker says where it cannot do what it is given."""

import os
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest
from nights import ROOT

from scorer.classify.model import model_hash
from scorer.config import Limits, ModelSettings
from scorer.engines.engine import Setting, Task
from scorer.engines.program import CODE, program
from scorer.engines.worker import Worker
from scorer.scoring.rubric import load_rubric
from scorer.shard import Rules
from scorer.tables.assemble import Assembler
from scorer.tables.schemas import Stamp
from scorer.tables.writer import RunTables


@pytest.fixture
def setting(tmp_path: Path, keyword_folder: Path) -> Setting:
    nothing = pa.schema([])
    stamp = Stamp("run", "m", model_hash(keyword_folder), "r", "1", "h", "0.1.0")
    rules = Rules(keyword_folder, ModelSettings(), load_rubric(ROOT / "configs/rubric.yaml"), RunTables((), (), nothing, stamp))
    assembler = Assembler((), {}, nothing, Limits(), tmp_path / "aside")
    return Setting(rules, assembler, tmp_path, tmp_path, 1, True, os.uname().nodename, program())


def said(setting: Setting) -> str:
    answer = Worker(setting).score(Task("s", ["c"], 1, setting.out / "rows"))
    assert answer.failed == "expected"
    return answer.message


@pytest.mark.parametrize("name", ["scorer", "torch", CODE])
def test_a_machine_with_another_program_is_refused(setting: Setting, name: str) -> None:
    here = setting.program[name]

    found = said(replace(setting, program=setting.program | {name: "9.9"}, machine="far"))

    assert found.startswith(f"on {os.uname().nodename}: another program") and f": {name} {here} instead of 9.9: install the same" in found


def test_a_model_or_folder_that_this_machine_does_not_see_is_named(setting: Setting, tmp_path: Path) -> None:
    lost = tmp_path / "lost"

    assert said(replace(setting, rules=replace(setting.rules, model=lost))).startswith(f"{lost} is not there: copy the model")
    assert said(replace(setting, workdir=lost)).startswith(f"{lost} is not there: --out must be on storage that all machines see")
    assert said(replace(setting, workdir=lost, machine="far")).startswith(f"on {os.uname().nodename}: {lost} is not there")
    assert "rows: cannot be read" in said(setting)


@pytest.mark.parametrize(("gpu", "seen"), [(True, "0,1"), (False, "")])
def test_a_worker_without_a_gpu_of_its_own_sees_none(setting: Setting, monkeypatch: pytest.MonkeyPatch, gpu: bool, seen: str) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")

    Worker(replace(setting, gpu=gpu))

    assert os.environ["CUDA_VISIBLE_DEVICES"] == seen

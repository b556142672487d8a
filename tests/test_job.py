"""Which runs are the same run?"""

import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from nights import ROOT, call_rows, write_night

from scorer.classify.model import model_hash
from scorer.job import Job, read_job

DAY = "date=2026-11-20"


def job(lake: Path | str, model: Path, partition: str | None = DAY) -> Job:
    config, rubric = ROOT / "configs/scoring.yaml", ROOT / "configs/rubric.yaml"
    return read_job([f"{lake}/{DAY}"], config=config, rubric=rubric, model=model, partition=partition, fetched=Path("never made"))


def test_a_date_of_another_lake_is_another_run(tmp_path: Path, keyword_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    for lake in (one, two):
        write_night(lake / DAY, files=1)
    before = job(one, keyword_folder).stamp.run_id

    assert job(two, keyword_folder).stamp.run_id != before
    monkeypatch.chdir(tmp_path)
    assert job("one", keyword_folder).stamp.run_id == job("./one", keyword_folder).stamp.run_id == before


def test_a_date_with_a_late_file_is_the_same_run(tmp_path: Path, keyword_folder: Path) -> None:
    write_night(tmp_path / DAY, files=1)
    before = job(tmp_path, keyword_folder)
    pq.write_table(pa.Table.from_pylist(call_rows("late", turns=6)), tmp_path / DAY / "late.parquet")

    after = job(tmp_path, keyword_folder)

    assert after.stamp == before.stamp and after.fingerprint != before.fingerprint
    assert job(tmp_path, keyword_folder, partition=None).stamp.run_id != before.stamp.run_id


def test_a_model_released_while_the_input_is_read_does_not_score_it(tmp_path: Path, keyword_folder: Path) -> None:
    write_night(tmp_path / DAY, files=1)
    link, other = tmp_path / "default", Path(shutil.copytree(keyword_folder, tmp_path / "default-v2"))
    thresholds = other / "thresholds.json"
    thresholds.write_text(thresholds.read_text().replace("0.5", "0.6"))
    link.symlink_to(keyword_folder)

    found = job(tmp_path, link)
    link.unlink()
    link.symlink_to(other)

    assert model_hash(link) != found.stamp.model_hash == model_hash(found.model)
    assert found.stamp.model_name == keyword_folder.name

"""The shipped model on the shipped night: what a new user sees first."""

import json
import re
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from rich.console import Console

from scorer.explain import explain_call
from scorer.pipeline import score_night

ROOT = Path(__file__).parents[1]
COUNTED = ("retention_pushiness_hits", "retention_pushiness_chances")


@pytest.mark.slow
def test_the_sample_night_is_scored_by_the_shipped_model(tmp_path: Path) -> None:
    night = score_night(
        [str(ROOT / "tests/sample_night")],
        out=tmp_path / "run",
        config=ROOT / "configs/scoring.yaml",
        rubric=ROOT / "configs/rubric.yaml",
        model=ROOT / "models/default",
        progress=lambda done, total: None,
    )

    assert night.run["counts"]["statuses"] == {"scored": 24}
    assert night.run["counts"]["rows_scored"] == 748 and night.run["counts"]["rejects"] == {}
    segments = pq.read_table(tmp_path / "run/segments").to_pylist()
    sorry = [s["labels"] for s in segments if s["speaker"] == "agent" and "I talked over you there" in s["text"]]
    assert sorry == [["apology"]]
    there = printed(tmp_path / "run")
    assert [line for line in shown_in_the_readme() if line not in there] == []


def shown_in_the_readme() -> list[str]:
    """The rows of its tables of results and the lines of its example of `scorer explain`."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    rows = [" ".join(row.replace("│", " ").split()) for row in re.findall(r"^│ (?:va-|north|south).*$", readme, re.MULTILINE)]
    example = readme.split("`scorer explain out/sample-night va-047` shows")[1].split("```")[1]
    assert len(rows) >= 4 and "score = 100" in example
    return [*rows, *filter(None, map(str.rstrip, example.splitlines()))]


def printed(run: Path) -> list[str]:
    calls = pq.read_table(run / "calls", columns=["call_id", "agent_id", "team", "score", "band", *COUNTED]).to_pylist()
    teams = {team: [sum(call[name] for call in calls if call["team"] == team) for name in COUNTED] for team in ("north", "south")}
    page = Console(width=140, highlight=False)
    with page.capture() as explained:
        page.print(explain_call(run, "va-047"))
    rows = [f"{call['call_id']} {call['agent_id']} {call['score']} {call['band']}" for call in calls]
    return [*rows, *(f"{team} {hits} {chances}" for team, (hits, chances) in teams.items()), *map(str.rstrip, explained.get().splitlines())]


def test_the_sample_night_is_in_no_labelled_set() -> None:
    night = set(pq.read_table(ROOT / "tests/sample_night", columns=["call_id"])["call_id"].to_pylist())
    files = [*sorted((ROOT / "models/data").glob("*.jsonl")), *sorted((ROOT / "models").glob("*.jsonl"))]
    sets = [{json.loads(line)["call_id"] for line in path.read_text(encoding="utf-8").splitlines()} for path in files]

    assert [path.name for path in files] == ["dev.jsonl", "more.jsonl", "train.jsonl", "kinds-dev.jsonl", "short-dev.jsonl"]
    assert len(set.union(*sets)) == sum(map(len, sets))
    assert not night & set.union(*sets)


@pytest.mark.parametrize("name", ["default", "small"])
def test_the_shipped_weights_are_small_and_beat_the_baselines(name: str) -> None:
    assert (ROOT / "models" / name / "model.safetensors").stat().st_size < 50_000_000
    numbers = json.loads((ROOT / "models" / name / "evaluation.json").read_text(encoding="utf-8"))

    assert numbers["mean_f1_of_behaviours"] > max(0.75, numbers["mean_lexicon_f1"], numbers["mean_tfidf_f1"])

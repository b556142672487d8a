"""From Parquet to every output table, as a user runs it, with a model small enough to know the answers by hand."""

import errno
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from keyword_model import build
from nights import arguments
from rich.console import Console
from typer.testing import CliRunner

from scorer import cli, metrics
from scorer.classify.reading import told_place
from scorer.ending import code_of
from scorer.engines.worker import Answer
from scorer.errors import ScorerError, WorkerBugError
from scorer.lock import hold
from scorer.screen import night_table

ROOT = Path(__file__).parents[1]
CALLS = {
    "bad": ["customer cancel word", "agent stay", "customer cancel", "agent stay", "customer cancel", "agent stay word stay", "agent stay"],
    "good": ["agent word", "customer broken", "agent sorry", "agent fix", "customer word", "agent word"],
    "short": ["agent word", "customer broken"],
    "plain": ["agent word", "customer word", "agent word", "customer word", "agent word"],
}


def rows(calls: dict[str, list[str]] = CALLS) -> list[dict[str, Any]]:
    found = []
    for call_id, turns in calls.items():
        for at, turn in enumerate(turns):
            speaker, text = turn.split(" ", 1)
            found.append(
                {
                    "call_id": call_id,
                    "segment_index": at,
                    "speaker": speaker,
                    "text": text,
                    "start": at * 2.0,
                    "end": at * 2.0 + 1.5,
                    "agent_id": f"a-{call_id}",
                }
            )
    return found


@pytest.fixture
def night(tmp_path: Path) -> Path:
    """Four calls, scattered over two files and three row groups, and one row without a call_id."""
    table = pa.Table.from_pylist([*rows(), {"call_id": None, "speaker": "agent", "text": "lost"}])
    folder = tmp_path / "night"
    folder.mkdir()
    mixed = table.take(list(range(0, table.num_rows, 2)) + list(range(1, table.num_rows, 2)))
    pq.write_table(mixed.slice(0, 12), folder / "b.parquet", row_group_size=5)
    pq.write_table(mixed.slice(12), folder / "a.parquet")
    return folder


def scorer(*arguments: object) -> tuple[int, str]:
    """Exit code and everything said, through the same border as the installed program."""
    result = CliRunner().invoke(cli.app, [str(a) for a in arguments])
    if isinstance(result.exception, ScorerError):
        return int(result.exception.exit_code), str(result.exception)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


def score(night: Path, out: Path, model: Path, **options: object) -> tuple[int, str]:
    named = {"config": ROOT / "configs/scoring.yaml", "rubric": ROOT / "configs/rubric.yaml", "model": model} | options
    return scorer("score", night, "--out", out, *(part for name, value in named.items() for part in (f"--{name}", value)))


def table(run: Path, name: str) -> list[dict[str, Any]]:
    return pq.read_table(run / name).to_pylist()  # type: ignore[no-any-return]


def test_a_night_from_parquet_to_every_table(night: Path, tmp_path: Path, keyword_folder: Path) -> None:
    run = tmp_path / "out"

    code, said = score(night, run, keyword_folder)

    assert code == 0
    calls = {row["call_id"]: row for row in table(run, "calls")}
    assert {k: (c["status"], c["score"], c["band"]) for k, c in calls.items()} == {
        # interruption 1.0 x 25; 4 hits, three of them repeated: 0.0 x 25 -> 50, capped at 40
        "bad": ("scored", 40.0, "poor"),
        # interruption 1.0 x 25, ownership 1.0 x 30, apology 1.0 x 20
        "good": ("scored", 100.0, "excellent"),
        "short": ("insufficient", None, None),
        # only interruption had a chance
        "plain": ("scored", 100.0, "excellent"),
    }
    assert calls["bad"]["raw_score"] == 50.0
    assert calls["bad"]["auto_fail"].startswith("the agent pressed on three times")
    assert (calls["bad"]["retention_pushiness_hits"], calls["bad"]["retention_pushiness_chances"]) == (4, 4)
    assert calls["plain"]["apology_points"] is None and calls["plain"]["apology_chances"] == 0
    assert calls["good"]["agent_id"] == "a-good"
    segments = [row for row in table(run, "segments") if row["call_id"] == "good"]
    assert [row["labels"] for row in segments] == [[], ["problem"], ["apology"], ["ownership"], [], []]
    assert segments[2]["p_apology"] > 0.99 and segments[2]["p_problem"] is None and segments[1]["p_apology"] is None
    assert [row["segment_index"] for row in segments] == list(range(6))
    flags = [(row["call_id"], row["rule"], row["severity"]) for row in table(run, "flags")]
    assert flags == [("bad", "would_not_let_go", "critical"), ("bad", "low_score", "warning"), ("bad", "pressed_to_stay", "warning")]
    quotes = [e["quote"] for e in table(run, "flags")[0]["evidence"]]
    assert quotes == ["stay", "stay word stay", "stay"]
    (reject,) = table(run, "rejects")
    assert (reject["reason"], reject["rows"], reject["call_id"]) == ("call_id_missing", 1, None)
    assert "Call bad" in (run / "report.html").read_text()
    about = json.loads((run / "run.json").read_text())
    assert (about["counts"]["rows_scored"], about["counts"]["rows_rejected"]) == (20, 1)
    assert about["counts"]["mean_score"] == 80.0
    assert about["counts"]["bands"] == {"poor": 1, "excellent": 2}
    assert "pressed on three times" in said and "4 (" in said and f"scoring on {told_place()}\n" in said
    assert {row["run_id"] for name in ("calls", "segments", "flags", "rejects") for row in table(run, name)} == {about["run_id"]}


def test_the_same_again_does_nothing_and_another_run_is_refused(night: Path, tmp_path: Path, keyword_folder: Path) -> None:
    run = tmp_path / "out"
    score(night, run, keyword_folder)
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in run.rglob("*") if path.is_file()}

    code, said = score(night, run, keyword_folder)
    assert code == 0 and "hits of chances" in said and said.endswith(f"\n{run} already held this run: nothing was to be done.\n")
    code, said = score(night / "a.parquet", run, keyword_folder)

    assert code == 1 and "which had other inputs: choose another --out" in said
    (tmp_path / "rubric.yaml").write_text((ROOT / "configs/rubric.yaml").read_text().replace("version: 1", "version: 2"))
    (tmp_path / "config.yaml").write_text("model: {shard_rows: 5}")
    others = {name: tmp_path / f"{name}.yaml" for name in ("config", "rubric")}
    assert "which had other settings and rubric: choose" in score(night, run, keyword_folder, **others)[1]
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in run.rglob("*") if path.is_file()} == before


def test_two_runs_of_the_same_night_give_the_same_bytes(night: Path, tmp_path: Path, keyword_folder: Path) -> None:
    for name in ("one", "two"):
        score(night, tmp_path / name, keyword_folder)

    for path in (tmp_path / "one").rglob("*.parquet"):
        assert path.read_bytes() == (tmp_path / "two" / path.relative_to(tmp_path / "one")).read_bytes()


def test_too_many_rejects_have_an_exit_code_of_their_own(tmp_path: Path, keyword_folder: Path) -> None:
    lost = [{**row, "call_id": " "} if row["call_id"] != "good" else row for row in rows()]
    pq.write_table(pa.Table.from_pylist(lost), tmp_path / "night.parquet")

    code, said = score(tmp_path / "night.parquet", tmp_path / "out", keyword_folder)

    assert code == 4 and "70.0% of the rows were rejected" in said
    assert [row["call_id"] for row in table(tmp_path / "out", "calls")] == ["good"]


@pytest.mark.parametrize(
    ("renamed", "unknown"),
    # of 20 segments, 12 are the agent's
    [({"agent": "Alice", "customer": "Bob"}, 20), ({"agent": "Alice"}, 12), ({"customer": "Bob"}, 8), ({"agent": "ivr"}, 0)],
)
def test_a_night_in_which_nobody_knows_who_speaks_is_no_success(
    tmp_path: Path, keyword_folder: Path, renamed: dict[str, str], unknown: int
) -> None:
    config, source, out, prom = (tmp_path / name for name in ("config.yaml", "night.parquet", "out", "scorer.prom"))
    config.write_text("model: {shard_rows: 5}\n")
    pq.write_table(pa.Table.from_pylist([row | {"speaker": renamed.get(row["speaker"], row["speaker"])} for row in rows()]), source)

    code, said = score(source, out, keyword_folder, config=config, metrics=prom)

    assert code == (4 if unknown > 8 else 0) and len(table(out, "calls")) == 4
    told = f"nobody knows who speaks in {unknown * 5}.0% of the segments and limits.unknown_speakers_max_share allows 40.0%: name"
    assert (told in said) == (code == 4)
    assert f"scorer_exit_code {code}.0" in prom.read_text() and f"scorer_unknown_speakers {unknown}.0" in prom.read_text()
    assert score(source, out, keyword_folder, config=config)[0] == code


def test_rejected_files_are_told_apart_from_rejected_rows(night: Path, tmp_path: Path, keyword_folder: Path) -> None:
    shutil.copy(night / "a.parquet", night / "c.parquet")
    pq.write_table(pa.Table.from_pylist(rows({"plain": CALLS["plain"]})), tmp_path / "plain.parquet")

    code, said = score(night, tmp_path / "out", keyword_folder)

    assert code == 4 and "1 of 3 files were rejected" in said
    shown = Console(width=200)
    with shown.capture() as captured:
        shown.print(night_table(json.loads((tmp_path / "out/run.json").read_text()), tmp_path / "out"))
    lines = [" ".join(line.split()) for line in captured.get().splitlines()]
    assert {"rejected rows 1 (call_id_missing 1)", "rejected files 1 (file_duplicate 1)", "calls per band poor 1, excellent 2"} <= set(
        lines
    )
    plain = score(tmp_path / "plain.parquet", tmp_path / "plain", keyword_folder)[1].splitlines()
    at = plain.index("flagged calls: 0")
    assert plain[at + 1].startswith(f"{tmp_path}")  # no empty table


def other_labels(tmp_path: Path) -> dict[str, Path]:
    labels = [row for row in json.loads((ROOT / "models/labels.json").read_text()) if row["name"] != "apology"]
    (tmp_path / "labels.json").write_text(json.dumps(labels))
    return {"model": build(tmp_path / "other", tmp_path / "labels.json")}


def written(name: str, text: str) -> Callable[[Path], dict[str, Path]]:
    def write(tmp_path: Path) -> dict[str, Path]:
        (tmp_path / f"{name}.yaml").write_text(text)
        return {name: tmp_path / f"{name}.yaml"}

    return write


REFUSED = {
    "unknown config key": (written("config", "limits: {rejects_max: 1}\n"), "limits.rejects_max"),
    "no rubric": (lambda tmp: {"rubric": tmp / "none.yaml"}, "none.yaml"),
    "a rubric naming a label the model lacks": (other_labels, "no label 'apology'"),
    "no model": (lambda tmp: {"model": tmp / "nothing"}, "not a model folder"),
    "no input": (lambda tmp: {"night": tmp / "missing.parquet"}, "missing.parquet"),
    "an empty folder": (lambda tmp: {"night": tmp / "empty"}, "empty"),
    "not Parquet": (written("night", "call_id,text"), "Parquet"),
}


@pytest.mark.parametrize(("change", "said"), REFUSED.values(), ids=REFUSED.keys())
def test_what_cannot_be_scored_stops_before_anything_is_written(
    night: Path, tmp_path: Path, keyword_folder: Path, change: Callable[[Path], dict[str, Path]], said: str
) -> None:
    (tmp_path / "empty").mkdir()
    options = change(tmp_path)

    code, message = score(options.pop("night", night), tmp_path / "out", options.pop("model", keyword_folder), **options)

    assert code == 1 and said in message
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("name", "said"), [(b"file", "choose a folder"), (b"link", "choose a folder"), (b"\xff", "choose another folder")])
def test_a_folder_that_cannot_be_one_is_refused(night: Path, tmp_path: Path, keyword_folder: Path, name: bytes, said: str) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("nowhere")

    code, message = score(night, tmp_path / os.fsdecode(name), keyword_folder)

    assert code == 1 and said in message
    assert {path.name for path in tmp_path.iterdir()} == {"file", "link", "night"}


def test_an_empty_night_is_an_error_unless_allowed(tmp_path: Path, keyword_folder: Path) -> None:
    empty = pa.Table.from_pylist(rows()).slice(0, 0)
    pq.write_table(empty, tmp_path / "empty.parquet")

    assert "no rows" in score(tmp_path / "empty.parquet", tmp_path / "out", keyword_folder)[1]
    (tmp_path / "allow.yaml").write_text("limits: {allow_empty: true}\n")
    code, _ = score(tmp_path / "empty.parquet", tmp_path / "out", keyword_folder, config=tmp_path / "allow.yaml")
    assert code == 0 and table(tmp_path / "out", "calls") == []


def test_rescoring_says_which_calls_changed_band_and_why(night: Path, tmp_path: Path, keyword_folder: Path) -> None:
    score(night, tmp_path / "run", keyword_folder)
    kinder = (ROOT / "configs/rubric.yaml").read_text().replace("effect: cap\n    cap: 40\n", "effect: flag_only\n")
    (tmp_path / "kinder.yaml").write_text(kinder)

    code, said = scorer("rescore", tmp_path / "run", "--rubric", tmp_path / "kinder.yaml", "--out", tmp_path / "new")

    assert code == 0
    assert "poor -> fair" in said and "40.0 -> 50.0" in said and "critical rule" in said
    new = {row["call_id"]: row for row in table(tmp_path / "new", "calls")}
    assert (new["bad"]["score"], new["bad"]["agent_id"], new["good"]["score"]) == (50.0, "a-bad", 100.0)
    assert table(tmp_path / "new", "rejects")[0]["reason"] == "call_id_missing"
    again = scorer("rescore", tmp_path / "run", "--rubric", tmp_path / "kinder.yaml", "--out", tmp_path / "new")[1]
    assert "poor -> fair" in again and again.endswith("already held this run: nothing was to be done.\n")


def test_rescoring_with_the_same_rubric_gives_the_same_scores(night: Path, tmp_path: Path, keyword_folder: Path) -> None:
    score(night, tmp_path / "run", keyword_folder)

    scorer("rescore", tmp_path / "run", "--rubric", ROOT / "configs/rubric.yaml", "--out", tmp_path / "new")

    for name in ("calls", "segments", "flags"):
        old, new = table(tmp_path / "run", name), table(tmp_path / "new", name)
        assert [{**row, "run_id": ""} for row in old] == [{**row, "run_id": ""} for row in new]


def test_a_call_is_explained(night: Path, tmp_path: Path, keyword_folder: Path) -> None:
    score(night, tmp_path / "run", keyword_folder)

    code, said = scorer("explain", tmp_path / "run", "good")

    assert code == 0
    for part in (
        "apology 1.00",
        "(in brackets): 0.20 or more, but below",
        "score = 100 x (25x1.00 + 30x1.00 + 20x1.00) / 75 = 100.0",
        "not applicable",
    ):
        assert part in said
    short = "no score: insufficient, only 1 of 3 agent segments and only 1 of 2 customer segments"
    assert short in scorer("explain", tmp_path / "run", "short")[1]
    code, said = scorer("explain", tmp_path / "run", "nobody")
    assert code == 1 and f"no call 'nobody': see {tmp_path / 'run'}/calls/" in said.replace("\n", "")
    good = [row for row in rows() if row["call_id"] == "good"]
    pq.write_table(
        pa.Table.from_pylist([*good, *({**row, "call_id": "twice", "segment_index": 0} for row in good)]), tmp_path / "some.parquet"
    )
    score(tmp_path / "some.parquet", tmp_path / "some", keyword_folder)
    assert "it was rejected (duplicate_segment_index), see" in " ".join(scorer("explain", tmp_path / "some", "twice")[1].split())
    assert "no call 'SHORT': did you mean 'short'?" in " ".join(scorer("explain", tmp_path / "run", "SHORT")[1].split())
    assert "no call 'shorts': did you mean 'short'?" in " ".join(scorer("explain", tmp_path / "run", "shorts")[1].split())
    assert scorer("explain", tmp_path / "run", "\udcff")[0] == 1  # what a shell makes of bytes that are no text


def test_metrics_that_cannot_be_written_stop_the_night_before_it_starts(night: Path, tmp_path: Path, keyword_folder: Path) -> None:
    code, said = score(night, tmp_path / "run", keyword_folder, metrics=tmp_path / "gone" / "scorer.prom")

    assert code == 1 and "metrics file cannot be written" in said and not (tmp_path / "run").exists()


def test_metrics_that_cannot_be_written_at_the_end_hide_nothing(
    night: Path, tmp_path: Path, keyword_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("limits: {rejects_max_share: 0.001}\n")
    folder = tmp_path / "metrics"
    folder.mkdir()
    monkeypatch.setattr(metrics, "write_to_textfile", full)

    code, said = score(night, tmp_path / "run", keyword_folder, config=config, metrics=folder / "scorer.prom")

    assert code == 4 and "of the rows were rejected" in said


def full(*_: object) -> None:
    raise OSError(errno.ENOSPC, "full")


def test_a_bug_has_its_own_exit_code_wherever_it_is() -> None:
    with pytest.raises(WorkerBugError) as caught:
        Answer(None, "bug", "where").receipt()

    assert code_of(caught.value) == code_of(KeyError()) == 3
    assert code_of(OSError(errno.ENAMETOOLONG, "")) == code_of(MemoryError()) == 1


def test_check_tells_what_it_understood_and_fails_where_the_night_would(night: Path, tmp_path: Path) -> None:
    config = ROOT / "configs/scoring.yaml"

    code, said = scorer("check", night, "--config", config)
    assert code == 0 and "21 rows" in said and "agent = agent" in said and "agent_id" in said

    pq.write_table(pa.table({"id": ["a"], "speaker": ["agent"], "text": ["word"]}), tmp_path / "odd.parquet")
    code, said = scorer("check", tmp_path / "odd.parquet", "--config", config)
    assert code == 1 and "call_id" in said and f"input and limits are set in {config}" in said.replace("\n", "")


def test_check_fails_where_nobody_knows_who_speaks(tmp_path: Path) -> None:
    pq.write_table(pa.table({"call_id": ["a", "a"], "speaker": ["Bob", "Alice"], "text": ["x", "y"]}), tmp_path / "night.parquet")
    lax = tmp_path / "lax.yaml"
    lax.write_text("limits: {unknown_speakers_max_share: 1}\n")

    code, said = scorer("check", tmp_path / "night.parquet", "--config", ROOT / "configs/scoring.yaml")

    assert code == 1 and "problem: nobody knows who speaks in 100.0% of the sampled segments" in said
    assert scorer("check", tmp_path / "night.parquet", "--config", lax)[0] == 0


def test_transcript_text_is_in_no_message(tmp_path: Path, keyword_folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    secret = "tangerine"
    calls = {k: [turn.replace("word", secret) for turn in turns] for k, turns in CALLS.items()}
    pq.write_table(pa.Table.from_pylist(rows(calls)), tmp_path / "night.parquet")

    _, said = score(tmp_path / "night.parquet", tmp_path / "out", keyword_folder)

    assert secret not in said + "".join(capfd.readouterr())
    assert secret not in (tmp_path / "out" / "run.json").read_text()


COMMANDS = ["import", "score", "check", "rescore", "explain", "compare-vendor", "export-vcon", "report", "review"]
MODEL = ["train", "calibrate", "evaluate", "release", "rollback", "doubts", "learning-curve"]
REVIEW = ["review open", "review export", "review import", "review forget"]
USERS = ["review users", "review users add", "review users list", "review users remove"]


@pytest.mark.parametrize("command", ["", *COMMANDS, *MODEL, *REVIEW, *USERS])
def test_help_shows_an_example_and_loads_no_torch(command: str) -> None:
    code, said = scorer(*command.split(), "--help")

    assert code == 0 and "Example: scorer" in said


def test_the_command_line_loads_no_heavy_library() -> None:
    libraries = ("torch", "transformers", "pyarrow", "duckdb", "pydantic", "rich.table", "fastapi", "jinja2")
    heavy = f"print([m for m in {libraries} if m in sys.modules])"

    result = subprocess.run([sys.executable, "-c", f"import sys, scorer.cli; {heavy}"], capture_output=True, text=True, check=True)

    assert result.stdout.strip() == "[]"


def test_a_job_that_has_nothing_to_do_says_so_before_torch_is_loaded(night: Path, tmp_path: Path, keyword_folder: Path) -> None:
    out, held = tmp_path / "out", tmp_path / "held"
    assert score(night, out, keyword_folder)[0] == 0
    loaded = "[name for name in ('torch', 'transformers') if name in sys.modules]"
    told = f"import atexit, sys; from scorer.cli import main; atexit.register(lambda: print({loaded}))"

    def run(source: Path, to: Path) -> tuple[int, str]:
        command = [sys.executable, "-c", f"{told}; main()", *map(str, arguments(source, to, keyword_folder, ROOT / "configs/scoring.yaml"))]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        return result.returncode, result.stdout.splitlines()[-1]

    with hold(held):
        assert run(night, held) == (75, "[]")
    assert run(night, out) == (0, "[]")
    assert run(tmp_path / "nowhere", tmp_path / "other") == (1, "[]")


def test_the_version_is_told() -> None:
    assert scorer("--version") == (0, f"scorer {version('scorer')}\n")


def test_a_library_that_is_not_installed_is_named_with_what_installs_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def wanting() -> None:
        __import__("argon2_that_nobody_has.exceptions")

    monkeypatch.setattr(cli, "app", wanting)
    with pytest.raises(SystemExit) as caught:
        cli.main()

    assert caught.value.code == 1
    assert "argon2_that_nobody_has is not installed" in (said := capsys.readouterr().err) and "'.[review,train]'" in said
    assert code_of(ModuleNotFoundError(name="scorer.nowhere")) == 3


def test_a_bug_says_where_and_not_what(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def broken() -> None:
        raise KeyError("something a customer said")

    monkeypatch.setattr(cli, "app", broken)
    with pytest.raises(SystemExit) as caught:
        cli.main()

    said = capsys.readouterr().err
    assert caught.value.code == 3
    assert "KeyError" in said and "test_cli.py" in said and "customer said" not in said

"""A look at the input tells what a night would understand of it."""

import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from scorer.config import InputMapping
from scorer.errors import WorkerBugError
from scorer.tables.fence import Fence, serve
from scorer.tables.inspect import SpeakerView, inspect_inputs
from scorer.tables.look import answer, look


def named(*paths: Path) -> dict[Path, str]:
    return {path: path.name for path in paths}


def test_a_good_file_is_understood(tmp_path: Path) -> None:
    columns = {"call_id": ["a", "a", "b"], "speaker": ["Agent", "customer", None], "text": ["x", "y", "z"], "team": ["t"] * 3}
    pq.write_table(pa.table(columns | {"start": [0.0, 1.0, None], "end": [1.0, 3.0, None]}), tmp_path / "x.parquet")

    view = inspect_inputs(named(tmp_path / "x.parquet"), InputMapping(), unknown_max_share=1.0)

    assert (view.files[0].rows, view.files[0].shape, view.problems, view.warnings) == (3, "segments", (), ())
    assert (view.columns["text"], view.carried) == (("text", "string"), {"team": "string"})
    assert view.speakers == (SpeakerView("Agent", "agent", 1), SpeakerView("customer", "customer", 1), SpeakerView(None, "other", 1))
    assert (view.sampled_calls, view.timed_share, view.median_segment_s) == (2, 2 / 3, 1.5)


def test_an_own_column_that_is_named_as_one_of_ours_is_told_with_its_new_name(tmp_path: Path) -> None:
    columns = {
        "call_id": ["a", "a"],
        "speaker": ["agent", "customer"],
        "text": ["x", "y"],
        "score": [1, 1],
        "run_id": [2, 2],
        "team": ["t", "t"],
    }
    pq.write_table(pa.table(columns), tmp_path / "x.parquet")

    warnings = inspect_inputs(named(tmp_path / "x.parquet"), InputMapping(), unknown_max_share=1.0).warnings
    told = [text for text in warnings if "of its own" in text]

    assert told == [f'column "{name}" is "input_{name}" in calls/, which has a "{name}" of its own' for name in ("score", "run_id")]


def test_milliseconds_given_as_seconds_are_noticed(tmp_path: Path) -> None:
    segments = [[{"speaker": "agent", "text": "x", "start": 0, "end": 4000}]]
    pq.write_table(pa.table({"call_id": ["a"], "segments": segments}), tmp_path / "x.parquet")

    view = inspect_inputs(named(tmp_path / "x.parquet"), InputMapping(), unknown_max_share=1.0)

    assert view.files[0].shape == "nested"
    assert [part for part in ("milliseconds", "customer") if not any(part in text for text in view.warnings)] == []


@pytest.mark.parametrize(
    ("speakers", "problems"),
    [
        (["Bob", "Alice", "Bob"], 1),
        (["agent", None, "Bob"], 1),
        (["agent", "customer", "Bob"], 0),
        (["agent", "bot", "IVR "], 0),
    ],
)
def test_a_sample_in_which_nobody_knows_who_speaks_is_a_problem(tmp_path: Path, speakers: list[str], problems: int) -> None:
    pq.write_table(pa.table({"call_id": ["a"] * 3, "speaker": speakers, "text": ["x"] * 3}), tmp_path / "x.parquet")

    found = inspect_inputs(named(tmp_path / "x.parquet"), InputMapping(), unknown_max_share=0.4).problems

    assert len(found) == problems and all("of the sampled segments" in text and "input.speakers" in text for text in found)


def test_problems_of_all_files_are_listed(tmp_path: Path) -> None:
    (tmp_path / "page.parquet").write_text("<html>")
    pq.write_table(pa.table({"id": ["a"]}), tmp_path / "x.parquet")

    view = inspect_inputs(
        named(tmp_path / "page.parquet", tmp_path / "x.parquet", tmp_path / "none"), InputMapping(), unknown_max_share=1.0
    )

    assert [len([x for x in view.problems if name in x]) for name in ("page.parquet", "x.parquet", "none")] == [1, 4, 1]


def test_where_a_column_is_missing_those_that_there_are_are_named(tmp_path: Path) -> None:
    turns = [[{"who": "agent", "said": "x"}]]
    pq.write_table(pa.table({"conversation": ["a"], "segments": turns, **{f"c{at:02}": [1] for at in range(40)}}), tmp_path / "x.parquet")

    last = inspect_inputs(named(tmp_path / "x.parquet"), InputMapping(), unknown_max_share=1.0).problems[-1]

    assert "columns are conversation, segments, c00, c01" in last and "c27, and 12 more; inside" in last and "c28" not in last
    assert last.endswith('inside "segments": who, said')


def test_a_column_that_is_hardly_alike_is_not_suggested(tmp_path: Path) -> None:
    columns = {"call_id": ["a"], "speaker": ["agent"], "team": ["t"], "utterance": ["x"], "end_time": [1.0]}
    pq.write_table(pa.table(columns), tmp_path / "x.parquet")
    columns |= {"text": ["x"]}
    pq.write_table(pa.table(columns), tmp_path / "y.parquet")

    problems = inspect_inputs(named(tmp_path / "x.parquet"), InputMapping(), unknown_max_share=1.0).problems
    warnings = inspect_inputs(named(tmp_path / "y.parquet"), InputMapping(), unknown_max_share=1.0).warnings

    assert problems[0] == 'x.parquet: column "text" is missing: set input.columns.text to the right name'
    assert 'column "end" is not in 1 of 1 files, the closest is "end_time": see input.columns.end' in warnings


def test_a_file_that_was_brought_here_is_called_by_where_it_lies(tmp_path: Path) -> None:
    pq.write_table(pa.table({"conversation": ["a"]}), tmp_path / "x.parquet")

    problems = inspect_inputs({tmp_path / "x.parquet": "s3://lake/x.parquet"}, InputMapping(), unknown_max_share=1.0).problems

    assert problems and all(problem.startswith("s3://lake/x.parquet: ") and str(tmp_path) not in problem for problem in problems)


def test_words_that_are_all_null_are_no_problem(tmp_path: Path) -> None:
    pq.write_table(pa.table({"call_id": ["a"], "speaker": ["agent"], "text": ["x"], "words": pa.nulls(1)}), tmp_path / "flat.parquet")
    pq.write_table(
        pa.table({"call_id": ["b"], "segments": [[{"speaker": "agent", "text": "x", "words": None}]]}), tmp_path / "nested.parquet"
    )

    view = inspect_inputs(named(tmp_path / "flat.parquet", tmp_path / "nested.parquet"), InputMapping(), unknown_max_share=1.0)

    assert (view.problems, view.sampled_segments, view.words_share) == ((), 2, 0.0)


def looks(question: str) -> str:
    """As a night looks, but for a file that takes its reader down, and one that a bug of ours meets."""
    if "killer.parquet" in question:
        os.kill(os.getpid(), signal.SIGSEGV)
    return answer(question.replace('"mapping"', '"mopping"') if "bug.parquet" in question else question)


@pytest.fixture
def behind(monkeypatch: pytest.MonkeyPatch) -> Iterator[Fence]:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    with Fence("test_inspect", memory_mb=512, seconds=300) as fence:
        yield fence


@pytest.mark.slow
def test_a_file_that_takes_its_reader_down_is_a_problem_and_the_others_are_understood(tmp_path: Path, behind: Fence) -> None:
    good = pa.table({"call_id": ["a", "b"], "speaker": ["agent", "customer"], "text": ["x", "y"], "team": ["t", None]})
    pq.write_table(good, tmp_path / "good.parquet")
    pq.write_table(good, tmp_path / "killer.parquet")
    bomb = pa.DictionaryArray.from_arrays(pa.array([0] * 4000, pa.int32()), pa.array(["word " * 200_000]))
    pq.write_table(pa.table({"call_id": ["c"] * 4000, "speaker": ["agent"] * 4000, "text": bomb}), tmp_path / "z.parquet")
    alone = inspect_inputs(named(tmp_path / "good.parquet"), InputMapping(), unknown_max_share=1.0)

    view = look(named(tmp_path / "killer.parquet", tmp_path / "good.parquet"), InputMapping(), unknown_max_share=1.0, behind=behind)
    two = look(named(*sorted(tmp_path.iterdir())), InputMapping(), unknown_max_share=1.0, behind=behind)

    assert view == replace(alone, problems=("killer.parquet: took its reader down: export it again",))
    assert [problem.split(": ")[:2] for problem in two.problems] == [
        ["killer.parquet", "took its reader down"],
        ["z.parquet", "needs too much memory"],
    ]


@pytest.mark.slow
def test_a_bug_of_ours_is_not_told_as_a_problem_of_the_file(tmp_path: Path, behind: Fence) -> None:
    with pytest.raises(WorkerBugError, match="KeyError"):
        look(named(tmp_path / "bug.parquet"), InputMapping(), unknown_max_share=1.0, behind=behind)


if __name__ == "__main__":
    serve(looks)

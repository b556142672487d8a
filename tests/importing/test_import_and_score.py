"""From the files of other systems to scores and back, as a user runs it, with the model whose answers are known by hand."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from importing_kit import CONFIG, FIXTURES, ROOT, run_import
from typer.testing import CliRunner

from scorer import cli
from scorer.errors import RunError, ScorerError
from scorer.vendor import compare_vendor

SOURCES = (
    "transcribe_call_analytics.json",
    "contact_lens.json",
    "deepgram_speakers.json",
    "vcon_messages.json",
    "post_call_analytics.json",
)


def scorer(*arguments: object) -> tuple[int, str]:
    """Exit code and everything said."""
    result = CliRunner().invoke(cli.app, [str(a) for a in arguments])
    if isinstance(result.exception, ScorerError):
        return int(result.exception.exit_code), result.output + str(result.exception)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, keyword_folder: Path) -> Path:
    """Five calls, imported and scored."""
    folder = tmp_path_factory.mktemp("imported")
    sources = [FIXTURES / name for name in SOURCES]
    imported, said = scorer(
        "import", *sources, "-o", folder / "calls.parquet", "--role-map", "spk_0=agent,spk_1=customer", "--config", CONFIG
    )
    assert imported == 0 and "JobStatus, Transcript[].ParticipantRole" in said and "overlap is known from: none 2, turns 2, words 1" in said
    options = ("--config", CONFIG, "--rubric", ROOT / "configs/rubric.yaml", "--model", keyword_folder)
    assert scorer("score", folder / "calls.parquet", "--out", folder / "run", *options)[0] == 0
    return folder / "run"


def table(run: Path, name: str) -> list[dict[str, Any]]:
    return pq.read_table(run / name).to_pylist()  # type: ignore[no-any-return]


def test_imported_calls_are_scored_without_any_mapping(run: Path) -> None:
    calls = {row["call_id"]: row for row in table(run, "calls")}

    assert {row["status"] for row in calls.values()} == {"scored"}
    # interruption 1.0 x 25, ownership 1.0 x 30, apology 1.0 x 20
    assert {row["score"] for row in calls.values()} == {100.0}
    tiers = {call_id: row["timing"] for call_id, row in calls.items()}
    assert tiers == {"job-1": "words", "contact-1": "turns", "dg-1": "none", "vcon-2": "none", "guid-1": "turns"}
    assert (calls["guid-1"]["agent_id"], calls["guid-1"]["role_source"], calls["guid-1"]["tier"]) == ("a-7", "participants", "turns")


def test_machines_are_read_and_never_scored(run: Path) -> None:
    first = {row["call_id"]: row for row in table(run, "segments") if row["segment_index"] == 0}

    assert {call_id for call_id, row in first.items() if row["speaker"] == "other"} == {"contact-1", "guid-1"}
    assert [first["guid-1"][name] for name in ("p_apology", "p_problem", "overlap_s")] == [None, None, 0.0]


def test_overlap_is_seen_only_where_the_recording_shows_it(run: Path) -> None:
    order = {row["call_id"]: row["overlap_s"] for row in table(run, "segments") if row["text"].startswith("My order")}

    assert order == {"job-1": 0.2, "contact-1": 0.2, "guid-1": 0.2, "dg-1": None, "vcon-2": None}


def test_redaction_marks_survive(run: Path) -> None:
    assert sum("[PII]" in row["text"] for row in table(run, "segments")) == len(SOURCES)


def test_differences_from_the_source_are_listed_with_the_words(run: Path) -> None:
    found = compare_vendor(run)

    assert (found.calls, found.both, found.only_vendor, found.only_scorer) == (3, 0, 2, 0)
    assert {(item.call_id, item.only, item.start_s) for item in found.differences} == {("job-1", "vendor", 5.5), ("guid-1", "vendor", 5.5)}
    assert found.differences[0].customer == "My order [PII] came with a broken wheel."
    code, said = scorer("compare-vendor", run)
    assert code == 0 and "only the vendor 2" in said and "I will fix it today." in said


def test_a_run_without_figures_of_its_source_cannot_be_compared(run: Path, tmp_path: Path, keyword_folder: Path) -> None:
    run_import(FIXTURES / "plain.txt", out=tmp_path / "calls.parquet")
    options = ("--config", CONFIG, "--rubric", ROOT / "configs/rubric.yaml", "--model", keyword_folder)
    scorer("score", tmp_path / "calls.parquet", "--out", tmp_path / "run", *options)

    with pytest.raises(RunError, match="no call carries"):
        compare_vendor(tmp_path / "run")


def test_results_go_back_into_the_vcon_once(run: Path, tmp_path: Path) -> None:
    for source in (FIXTURES / "vcon_messages.json", tmp_path / "vcon_messages.json"):
        code, said = scorer("export-vcon", run, source, FIXTURES / "vcon_text.json", "--out", tmp_path)
        assert code == 0 and "1 vCons written" in said and "no call of it" in said

    before = json.loads((FIXTURES / "vcon_messages.json").read_text(encoding="utf-8"))
    after = json.loads((tmp_path / "vcon_messages.json").read_text(encoding="utf-8"))
    *kept, report = after.pop("analysis")
    assert kept == before.pop("analysis") and after == before
    assert (report["type"], report["vendor"], report["dialog"], report["body"]["score"]) == ("report", "scorer", 0, 100.0)
    assert report["body"]["behaviours"]["apology"] == {"hits": 1, "chances": 1, "points": 1.0}


def test_only_a_vcon_is_written_back(run: Path, tmp_path: Path) -> None:
    code, said = scorer("export-vcon", run, FIXTURES / "plain.txt", "--out", tmp_path)

    assert code == 1 and "no vCon" in said and list(tmp_path.iterdir()) == []


def test_too_many_rejects_have_their_exit_code(tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_text("{", encoding="utf-8")

    code, said = scorer("import", FIXTURES / "plain.txt", tmp_path / "bad.json", "-o", tmp_path / "calls.parquet", "--config", CONFIG)

    assert code == 4 and "_calls.rejects.csv" in said and "broken_json 1" in said
    assert pq.read_table(tmp_path / "calls.parquet").num_rows == 1


def test_columns_that_no_call_keeps_are_named_once(tmp_path: Path) -> None:
    lines = [
        "call_id,speaker,text,team,agent_name,start",
        "c-{n},agent,good morning,blue,tangerine,0.5",
        "c-{n},customer,hello,blue,tangerine,2.5",
    ]
    for number in range(2):
        (tmp_path / f"{number}.csv").write_text("\n".join(lines).format(n=number), encoding="utf-8")
    (tmp_path / "2.csv").write_text("call_id,speaker,text,queue\nc-2,agent,good morning,lime\nc-2,customer,hello,lime\n", encoding="utf-8")

    code, said = scorer("import", tmp_path, FIXTURES / "rows.csv", "-o", tmp_path / "calls.parquet", "--config", CONFIG)

    said = " ".join(said.split())
    assert code == 0 and "tangerine" not in said and "lime" not in said and "blue" not in said
    assert (
        said.count("agent_name") == 1
        and "left out, with the number of tables that have them: agent_name (in 2), queue (in 1), team (in 2)" in said
    )
    assert "left out" not in scorer("import", FIXTURES / "rows.csv", "-o", tmp_path / "kept.parquet", "--config", CONFIG)[1]


OF_THE_SOURCES = """
input:
  columns: {call_id: Gespraech, speaker: Wer, text: Was, start: Von, end: Bis}
  time_unit: milliseconds
  speakers: {agent: [Berater], customer: [Kundin]}
"""


def test_one_config_says_how_the_source_is_read_and_serves_the_night_too(tmp_path: Path, keyword_folder: Path) -> None:
    (tmp_path / "own.yaml").write_text(OF_THE_SOURCES)
    turns = [("Berater", 0, 2000), ("Kundin", 1500, 4000), ("Berater", 3000, 5000), ("Kundin", 5000, 6000), ("Berater", 6000, 7000)]
    rows = [f"c1,{who},hello,{start},{end},{who}" for who, start, end in turns]
    (tmp_path / "export.csv").write_text("\n".join(["Gespraech,Wer,Was,Von,Bis,channel", *rows]))
    own = ("--config", tmp_path / "own.yaml")

    assert scorer("import", tmp_path / "export.csv", "-o", tmp_path / "calls.parquet", *own)[0] == 0
    code, said = scorer("check", tmp_path / "calls.parquet", *own)
    assert code == 0 and "half of them last longer than 2.0 s" in said and "agent = agent (3)" in said and "warning" not in said
    options = ("--rubric", ROOT / "configs/rubric.yaml", "--model", keyword_folder)
    assert scorer("score", tmp_path / "calls.parquet", "--out", tmp_path / "run", *own, *options)[0] == 0

    assert [row["start_s"] for row in table(tmp_path / "run", "segments")] == [0.0, 1.5, 3.0, 5.0, 6.0]
    assert [row["speaker"] for row in table(tmp_path / "run", "segments")] == ["agent", "customer", "agent", "customer", "agent"]


def test_the_config_of_the_sources_does_not_swap_parties_of_what_was_imported(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text("input: {speakers: {agent: [csr], customer: [agent, broker]}}")
    (tmp_path / "export.csv").write_text("call_id,speaker,text\n" + "\n".join(f"c1,{who},hello" for who in ("csr", "agent") * 3))
    own = ("--config", tmp_path / "own.yaml")

    assert scorer("import", tmp_path / "export.csv", "-o", tmp_path / "calls.parquet", *own)[0] == 0
    code, said = scorer("check", tmp_path / "calls.parquet", *own)

    assert code == 0 and "agent = agent (3)" in said and "customer = customer (3)" in said


def test_check_reads_an_imported_file_and_one_of_the_users_own_each_in_its_way(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(OF_THE_SOURCES)
    rows = [
        {"Gespraech": "c1", "Wer": who, "Was": "hello", "Von": at * 2000, "Bis": at * 2000 + 2000}
        for at, who in enumerate(("Berater", "Kundin") * 3)
    ]
    (tmp_path / "export.csv").write_text("\n".join([",".join(rows[0]), *(",".join(map(str, row.values())) for row in rows)]))
    own = ("--config", tmp_path / "own.yaml")
    (tmp_path / "night").mkdir()
    assert scorer("import", tmp_path / "export.csv", "-o", tmp_path / "night/imported.parquet", *own)[0] == 0
    pq.write_table(pa.Table.from_pylist([row | {"Gespraech": "c2"} for row in rows]), tmp_path / "night/own.parquet")

    code, said = scorer("check", tmp_path / "night", *own)

    assert code == 0 and "agent = agent (3)" in said and "Berater = agent (3)" in said


def test_the_terminal_says_where_the_first_reject_of_a_reason_is(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"cut": ')
    (tmp_path / "b.json").write_text("{}")

    _, said = scorer("import", tmp_path, "-o", tmp_path / "out/calls.parquet", "--config", CONFIG)

    told = "".join(said.split("\n"))  # a line is as wide as the terminal
    assert "a.json: line 1" in told and "b.json: no format fits" in told

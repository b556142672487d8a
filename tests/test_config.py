"""Settings files are read strictly, and every problem is named at once."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from scorer.config import MAX_BYTES, ScoringConfig, load_yaml
from scorer.errors import ConfigError
from scorer.scoring.rubric import load_rubric

SHIPPED = Path(__file__).parents[1] / "configs" / "scoring.yaml"


def load(tmp_path: Path, text: str) -> ScoringConfig:
    path = tmp_path / "scoring.yaml"
    path.write_text(text, encoding="utf-8")
    return load_yaml(path, ScoringConfig)


def test_the_shipped_file_says_the_defaults() -> None:
    assert load_yaml(SHIPPED, ScoringConfig) == ScoringConfig()


def test_every_default_is_in_the_shipped_file() -> None:
    text = SHIPPED.read_text(encoding="utf-8")

    defaults = ScoringConfig().model_dump()
    keys = {key for part in defaults.values() for key in part} | set(defaults["input"]["columns"])
    assert [key for key in keys if f"{key}:" not in text] == []


@pytest.mark.parametrize("text", ["", "# nothing\n", "{}"])
def test_an_empty_file_means_the_defaults(tmp_path: Path, text: str) -> None:
    assert load(tmp_path, text) == ScoringConfig()


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("limits:\n  allow_empty: true\n  allow_empty: false\n", ["line 3: limits.allow_empty", "twice", "line 2"]),
        ("a: &x 1\nb: *x\n", ["alias", "line 2"]),
        ("limits: {rejects_max_share: .nan}\n", ["line 1: limits.rejects_max_share", "finite"]),
        ("# two\nlimits:\n\n  files_max_rejected: 0\n  rejects_max_share: -1\n", ["line 5: limits.rejects_max_share: found -1"]),
        ("limits:\n  file_seconds: 1:30\n", ["line 2: limits.file_seconds", "base 60"]),
        ("input:\n  speakers:\n    agent:\n    - rep\n    - 7\n", ["line 5: input.speakers.agent[1]: found 7"]),
        ("limits: {rejects_max_share: .inf}\n", ["limits.rejects_max_share"]),
        ("limits: {rejects_max_shar: 0.1}\n", ["line 1: limits.rejects_max_shar", "did you mean rejects_max_share?"]),
        ("model: {window_tokens: 0400}\n", ["line 1: model.window_tokens", "octal"]),
        ("model: {window_tokens: '512'}\n", ["model.window_tokens", "'512'"]),
        ("model: {window_tokens: 1024, batch_tokens: 1}\n", ["model.window_tokens: found 1024", "model.batch_tokens: found 1"]),
        ("model: {context_tokens: 256}\n", ["model", "below half"]),
        ("input: {time_unit: hours}\n", ["input.time_unit", "'hours'", "'seconds' or 'milliseconds'"]),
        ("input: {columns: {call_id: text}}\n", ["input.columns", "'text'"]),
        ("input: {speakers: {agent: [Caller]}}\n", ["input.speakers", "both parties"]),
        ("input: {speakers: {agent: [1]}}\n", ["input.speakers.agent[0]", "found 1"]),
        ("- a\n", ["whole file"]),
        ("a: [1\n", ["not readable as YAML", "line"]),
        ("a: !!python/object/apply:os.system [ls]\n", ["not readable as YAML"]),
        ("a\0b: 1\n", ["not readable as YAML"]),
        ("? [1, 2]\n: 3\n", ["not readable as YAML"]),
    ],
)
def test_a_bad_file_names_key_value_and_remedy(tmp_path: Path, text: str, parts: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text)

    assert [part for part in parts if part not in str(caught.value)] == []


def test_a_file_that_is_too_large_missing_or_not_text_is_refused(tmp_path: Path) -> None:
    large, binary = tmp_path / "large.yaml", tmp_path / "binary.yaml"
    large.write_bytes(b"#" * (MAX_BYTES + 1))
    binary.write_bytes(b"\xff\xfe\xfa")

    for path in (large, binary, tmp_path / "none.yaml", tmp_path):
        with pytest.raises(ConfigError):
            load_yaml(path, ScoringConfig)


PIECES = st.sampled_from(
    ["&a ", "*a", "<<: *a\n", "0x1F", "012", "1e3", ".nan", ".inf", "no", "~", "2026-11-20", "!!python/name:os.system ", "? ", "[", "{",
     "- ", "\t", "\0", "\ufeff", "'", '"', "|\n", "%YAML 9.9\n", "---\n", "...\n", "weight: -1\n", "limits: {}\n", "é" * 300]
)  # fmt: skip


@pytest.mark.slow
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    file=st.sampled_from(["scoring", "rubric"]), place=st.floats(0, 1), cut=st.integers(0, 40), piece=st.one_of(PIECES, st.text(max_size=8))
)
@example(file="scoring", place=0.0, cut=0, piece="a: " + "[" * 5000)
def test_whatever_a_settings_file_holds_it_is_read_or_refused_with_advice(
    tmp_path: Path, file: str, place: float, cut: int, piece: str
) -> None:
    text = (SHIPPED.parent / f"{file}.yaml").read_text(encoding="utf-8")
    at = int(place * len(text))
    path = tmp_path / "fuzzed.yaml"
    path.write_bytes((text[:at] + piece + text[at + cut :]).encode("utf-8", "surrogatepass"))

    try:
        load_yaml(path, ScoringConfig) if file == "scoring" else load_rubric(path)
    except ConfigError as error:
        assert str(path) in str(error) and ":" in str(error).replace(str(path), "", 1)
        keyed = str(error).splitlines()[1:]
        assert all(line.lstrip(" -").startswith("line ") for line in keyed)


def test_a_rule_of_the_rubric_is_named_with_its_line(tmp_path: Path) -> None:
    text = (SHIPPED.parent / "rubric.yaml").read_text(encoding="utf-8")
    lines = text.splitlines()
    at = next(n for n, line in enumerate(lines) if "weight:" in line)
    path = tmp_path / "rubric.yaml"
    path.write_text("\n".join([*lines[:at], lines[at].replace("weight:", "weihgt:"), *lines[at + 1 :]]), encoding="utf-8")

    with pytest.raises(ConfigError, match=f"line {at + 1}: behaviours.*did you mean weight"):
        load_rubric(path)

"""Settings files are read strictly, and every problem is named at once."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from scorer.config import ScoringConfig, Settings, load_yaml
from scorer.errors import ConfigError
from scorer.scoring.rubric import Rubric
from scorer.training.settings import TrainingConfig
from scorer.yaml_file import MAX_BYTES

CONFIGS = Path(__file__).parents[1] / "configs"
SHIPPED = CONFIGS / "scoring.yaml"


def load(tmp_path: Path, text: str) -> ScoringConfig:
    path = tmp_path / "scoring.yaml"
    path.write_text(text, encoding="utf-8")
    return load_yaml(path, ScoringConfig)


@pytest.mark.parametrize(("name", "defaults"), [("scoring", ScoringConfig()), ("training", TrainingConfig())])
def test_the_shipped_file_says_the_defaults_all_of_them(name: str, defaults: Settings) -> None:
    path = CONFIGS / f"{name}.yaml"
    text = path.read_text(encoding="utf-8")

    assert load_yaml(path, type(defaults)) == defaults
    assert [key for key in keys(defaults.model_dump()) if not re.search(rf"^\s*{key}:", text, re.MULTILINE)] == []


def keys(settings: dict[str, Any]) -> Iterator[str]:
    for key, value in settings.items():
        yield key
        if isinstance(value, dict):
            yield from keys(value)


@pytest.mark.parametrize("text", ["", "# nothing\n", "{}"])
def test_an_empty_file_means_the_defaults(tmp_path: Path, text: str) -> None:
    assert load(tmp_path, text) == ScoringConfig()


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("limits:\n  allow_empty: true\n  allow_empty: false\n", ["limits.allow_empty", "twice", "line 2", "line 3"]),
        ("a: &x 1\nb: *x\n", ["alias", "line 2"]),
        ("limits: {rejects_max_share: .nan}\n", ["limits.rejects_max_share", "finite"]),
        ("limits: {rejects_max_share: .inf}\n", ["limits.rejects_max_share"]),
        ("limits: {rejects_max_shar: 0.1}\n", ["limits.rejects_max_shar", "did you mean rejects_max_share?"]),
        ("input: {columns: {time_units: a}}\n", ["line 1: input.columns.time_units: unknown key: remove it"]),  # a key of another section
        ("input: {columns: {speakr: a}}\n", ["input.columns.speakr: unknown key: did you mean speaker?"]),
        ("inputs: {}\n", ["inputs: unknown key: did you mean input?"]),
        ("model: {window_tokens: 0400}\n", ["model.window_tokens", "octal"]),
        ("model: {window_tokens: '512'}\n", ["model.window_tokens", "'512'"]),
        ("model: {window_tokens: 1024, batch_tokens: 1}\n", ["model.window_tokens: found 1024", "model.batch_tokens: found 1"]),
        ("model: {context_tokens: 256}\n", ["model", "below half"]),
        ("input: {time_unit: hours}\n", ["input.time_unit", "'hours'", "'seconds' or 'milliseconds'"]),
        ("input: {columns: {call_id: text}}\n", ["input.columns", "'text'"]),
        ("input: {speakers: {agent: [Caller]}}\n", ["input.speakers", "both parties"]),
        ("input: {speakers: {agent: [1]}}\n", ["input.speakers.agent[0]", "found 1"]),
        ("- a\n", ["whole file", "write keys"]),
        ("limits: {}\nmodel:\n", ["line 2: model: found nothing", "write keys"]),
        ("limits: {}\n\tmodel: {}\n", ["(line 2)", "'\\t'"]),
        ('limits: {}\nmodel: {folder: "a\\0"}\n', ["line 2: model.folder: 'a\\x00' holds a NUL"]),
        ('limits: {}\nmodel: {folder: "\\ud800"}\n', ["line 2: model.folder: ", "half of a character"]),
        ('limits: {}\n"\\ud800": 1\n', ["line 2: '\\ud800': holds"]),
        ('limits: {}\n"": 1\n', ["line 2: '': unknown key"]),
        ("limits: {allow_empty: 'no'}\n", ["limits.allow_empty: found 'no'", "without quotes"]),
        ("model:\n  window_tokens: 64\n  context_tokens: 32\n", ["line 3: model.context_tokens: context_tokens of 32", "below half"]),
        ("model:\n  window_tokens: 64\n", ["line 1: model: context_tokens of 96", "below half"]),
        ("model:\n  batch_tokens: 100\n", ["line 2: model.batch_tokens: found 100", "window_tokens or more"]),
        ("a: [1\n", ["not readable as YAML", "line"]),
        ("a: !!python/object/apply:os.system [ls]\n", ["line 1", "a tag", "remove it"]),
        ("model: {}\na\0b: 1\n", ["not readable as YAML", "line 2"]),
        ("limits:\n\n  rejects_max_share: .nan\n", ["line 3: limits.rejects_max_share: found .nan"]),
        ("model:\n  window_tokens: 1:30\n", ["line 2: model.window_tokens: 1:30", "base 60", "quote it"]),
        ("model:\n  batch_tokens: 0x1000\n", ["line 2: model.batch_tokens: 0x1000", "unusual notation"]),
        ("input:\n  segments_column: 2026-11-20\n", ["line 2: input.segments_column: 2026-11-20", "a date", "quote it"]),
        ("input:\n  speakers:\n    agent: [rep, no]\n", ["line 3: input.speakers.agent[1]: found no: ", "quote it"]),
        ("model: {}\n\nmodell: {}\n", ["line 3: modell: unknown key: did you mean model?"]),
        ("no: 1\n", ["line 1: no: not a word as a key"]),
        ("input: {}\n<<: {model: {}}\n", ["line 2: <<: not a word as a key"]),
        ("model: &m {}\n", ["line 1: an anchor (&m)"]),
        ("limits:\n  file_seconds: " + "9" * 5000 + "\n", ["line 2: limits.file_seconds", "too many digits"]),
        ("limits: {}\nmodel:\n  folder: [a]\n", ["line 3: model.folder: found ['a']"]),
        ("limits: {file_seconds: 99999999999, file_memory_mb: 999999999999}\n", ["limits.file_seconds", "limits.file_memory_mb"]),
        ("model: {shard_rows: 9999999999999999999999999999999999999999}\n", ["model.shard_rows"]),
        ("input: {speakers: {agent: []}}\n", ["line 1: input.speakers.agent: found []"]),
        ("? [1, 2]\n: 3\n", ["line 1", "not a word as a key"]),
        ("limits: {}\nmodel: " + "[" * 40, ["line 2: nested deeper than 40 levels", "not a settings file"]),
    ],
)
def test_a_bad_file_names_key_value_and_remedy(tmp_path: Path, text: str, parts: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text)

    assert [part for part in parts if part not in str(caught.value)] == []


def test_a_file_that_is_too_large_missing_no_file_or_not_text_is_refused(tmp_path: Path) -> None:
    large, binary, pipe = (tmp_path / f"{name}.yaml" for name in ("large", "binary", "pipe"))
    large.write_bytes(b"#" * (MAX_BYTES + 1))
    binary.write_bytes(b"\xff\xfe\xfa")
    os.mkfifo(pipe)

    for path in (large, binary, pipe, tmp_path / "none.yaml", tmp_path, Path("/dev/zero")):
        with pytest.raises(ConfigError):
            load_yaml(path, ScoringConfig)


def test_a_number_may_have_an_exponent(tmp_path: Path) -> None:
    assert load(tmp_path, "limits: {rejects_max_share: 5e-2}\n") == ScoringConfig()


MODELS = {"scoring": ScoringConfig, "rubric": Rubric, "training": TrainingConfig}


def changed(folder: Path, file: str, old: str, new: str) -> tuple[Path, str]:
    """A copy of a shipped file with `new` in the place of `old`, and the shipped text."""
    text = (SHIPPED.parent / f"{file}.yaml").read_text(encoding="utf-8")
    assert old in text
    path = folder / f"{file}.yaml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return path, text


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("rubric", "    weight: 25", "    weight: .inf", "behaviours.interruption.weight: found .inf"),
        ("rubric", "  interruption:\n    kind", '  "inter ruption":\n    kind', "behaviours.inter ruption: found 'inter ruption'"),
        ("rubric", "  interruption:\n    kind", '  "a\\nb":\n    kind', "behaviours.'a\\nb': found 'a\\nb'"),
        ("rubric", "    limit: 0.2", "    limit: 0.2\n    limit: 0.3", "behaviours.interruption.limit: given twice"),
        ("rubric", "    kind: per_turn", "    kind: per_trun", "behaviours.interruption.kind: found 'per_trun': write one of"),
        ("rubric", "    kind: per_turn\n", "", "behaviours.interruption.kind: missing: add it"),
        ("rubric", "[1.0, 0.7, 0.3, 0.0]", "[1.0, 0.7, 0.9]", "behaviours.retention_pushiness.points_by_count: found [1.0, 0.7, 0.9]"),
        ("rubric", "effect: cap", "effect: zero", "critical[0].effect: found zero"),
        (
            "rubric",
            "  - name: low_score",
            "  - missed_at_least: {behaviour: apology, count: 1}\n    name: low_score",
            "flags[0]: rule low_score: give",
        ),
        ("rubric", "version: 1", "version: 2026-11-20", "version: 2026-11-20 would be read as a date"),
        ("training", "epochs: 10", "epochs: yes", "epochs: found yes"),
        ("training", "learning_rate: 0.0002", "learning_rate: .inf", "learning_rate: found .inf"),
        ("training", "seed: 13", "seed: " + "9" * 30, "seed: found 999"),
        ("training", "context_tokens: 96", "context_tokens: 256", "context_tokens: context_tokens of 256"),
        ("training", "dev: [models/data/dev.jsonl]", "dev: []", "dev: found []"),
        ("training", "seed: 13", "sead: 13", "sead: unknown key: did you mean seed?"),
        ("rubric", "    limit: 0.2", "    limitt: 0.2", "behaviours.interruption.limitt: unknown key: did you mean limit?"),
        ("rubric", "    limit: 0.2", "    targett: 0.2", "behaviours.interruption.targett: unknown key: remove it"),  # a key of other kinds
        ("training", "seed: 13", "seed: 013", "seed: 013 would be read as an octal number"),
    ],
)
def test_a_fault_in_any_file_is_told_with_its_line(tmp_path: Path, file: str, old: str, new: str, said: str) -> None:
    path, text = changed(tmp_path, file, old, new)
    line = text[: text.index(old)].count("\n") + 1

    with pytest.raises(ConfigError) as caught:
        load_yaml(path, MODELS[file])

    found = [row for row in str(caught.value).splitlines() if said in row]
    assert found and any(f"line {line + extra}: " in found[0] for extra in (-1, 0, 1)), str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("from: 0", "from: 1", "line {bands}: bands: bands begin at"),
        ("behaviour: retention_pushiness", "behaviour: nothing", "critical[0].behaviour: a rule names the behaviour 'nothing'"),
    ],
)
def test_keys_of_a_rubric_that_do_not_fit_each_other_are_told_with_their_lines(tmp_path: Path, old: str, new: str, said: str) -> None:
    path, text = changed(tmp_path, "rubric", old, new)

    with pytest.raises(ConfigError) as caught:
        load_yaml(path, Rubric)

    bands = text[: text.index("\nbands:") + 1].count("\n") + 1
    assert said.format(bands=bands) in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("context_tokens: 96", "context_tokens: 256", "needed on both sides"),
        ("teacher_share: 0.0", "teacher_share: 0.5", "give both or neither"),
        ("teacher: null", "teacher: models/default", "give both or neither"),
    ],
)
def test_training_settings_that_do_not_fit_each_other_are_refused(tmp_path: Path, old: str, new: str, said: str) -> None:
    path, _ = changed(tmp_path, "training", old, new)

    with pytest.raises(ConfigError, match=said):
        load_yaml(path, TrainingConfig)


PIECES = st.sampled_from(
    ["&a ", "*a", "<<: *a\n", "0x1F", "012", "1e3", ".nan", ".inf", "no", "~", "2026-11-20", "!!python/name:os.system ", "? ", "[", "{",
     "- ", "\t", "\0", "\ufeff", "'", '"', "|\n", "%YAML 9.9\n", "---\n", "...\n", "weight: -1\n", "limits: {}\n", "é" * 300]
)  # fmt: skip


@pytest.mark.slow
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(file=st.sampled_from(sorted(MODELS)), place=st.floats(0, 1), cut=st.integers(0, 40), piece=st.one_of(PIECES, st.text(max_size=8)))
@example(file="scoring", place=0.0, cut=0, piece="a: " + "[" * 5000)
def test_whatever_a_settings_file_holds_it_is_read_or_refused_with_advice(
    tmp_path: Path, file: str, place: float, cut: int, piece: str
) -> None:
    text = (SHIPPED.parent / f"{file}.yaml").read_text(encoding="utf-8")
    at = int(place * len(text))
    path = tmp_path / "fuzzed.yaml"
    path.write_bytes((text[:at] + piece + text[at + cut :]).encode("utf-8", "surrogatepass"))

    try:
        load_yaml(path, MODELS[file])
    except ConfigError as error:
        head, *problems = str(error).splitlines()
        assert head.startswith(f"{path}: ") and all(re.match(r"  - line \d+: .+: ", problem) for problem in problems), str(error)
        assert problems or re.search(r"\(line \d+\)|not UTF-8", head), str(error)

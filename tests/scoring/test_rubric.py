from pathlib import Path

import pytest

from scorer.errors import ConfigError
from scorer.labels import Label, read_labels
from scorer.scoring.rubric import check_rubric, load_rubric, rubric_hash

ROOT = Path(__file__).parents[2]
SHIPPED = (ROOT / "configs" / "rubric.yaml").read_text(encoding="utf-8")

BAD = [
    ("weight: 25", "weight: -1", "weight"),
    ("weight: 25", "weight: .nan", "weight"),
    ("weight: 25", "weight: 1e308", "weight"),
    ("{name: fair,", "{name: poor,", "two bands have the same name 'poor'"),
    ("  interruption:\n", "  ownership_expected:\n", "its columns in calls/"),
    ("weight: 25", "weight: .inf", "weight"),
    ("limit: 0.2", "limit: 0", "limit"),
    ("target: 1.0", "target: 2.0", "target"),
    ("[1.0, 0.7, 0.3, 0.0]", "[0.5, 0.7]", "points_by_count: found .* must not rise"),
    ("kind: per_turn", "kind: per_moon", "kind"),
    ("    cap: 40\n", "", "effect cap needs a cap"),
    ("behaviour: interruption,", "behaviour: patience,", "patience"),
    ("from: 50", "from: 80", "bands begin at"),
    ("from: 0}", "from: 10}", "bands begin at"),
    ("name: low_score", "name: would_not_let_go", "same name"),
    ("score_below: 50\n", "score_below: 50\n    hits_at_least: {behaviour: interruption, count: 1}\n", "exactly one"),
    ("version: 1", "version: 1\nverison: 2", "verison"),
    ("version: 1", "version: 1\nversion: 2", "twice"),
]


@pytest.mark.parametrize(("old", "new", "said"), BAD)
def test_a_rubric_that_makes_no_sense_is_refused_with_the_place(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in SHIPPED
    path = tmp_path / "rubric.yaml"
    path.write_text(SHIPPED.replace(old, new), encoding="utf-8")

    with pytest.raises(ConfigError, match=said) as caught:
        load_rubric(path)

    assert str(path) in str(caught.value)


def test_all_problems_come_at_once(tmp_path: Path) -> None:
    path = tmp_path / "rubric.yaml"
    path.write_text(SHIPPED.replace("limit: 0.2", "limit: 7").replace("target: 1.0", "target: 0"), encoding="utf-8")

    with pytest.raises(ConfigError) as caught:
        load_rubric(path)

    assert str(caught.value).count("\n  - ") == 3


def test_weights_that_are_all_zero_are_refused(tmp_path: Path) -> None:
    text = SHIPPED
    for weight in (20, 25, 30):
        text = text.replace(f"weight: {weight}", "weight: 0")
    path = tmp_path / "rubric.yaml"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(ConfigError, match="all weights are 0"):
        load_rubric(path)


def test_the_shipped_rubric_fits_the_shipped_labels_and_no_others() -> None:
    rubric = load_rubric(ROOT / "configs" / "rubric.yaml")
    labels = read_labels(ROOT / "models" / "labels.json")

    check_rubric(rubric, labels, ROOT / "configs" / "rubric.yaml")
    with pytest.raises(ConfigError, match="no label 'apology'"):
        check_rubric(rubric, [label for label in labels if label.name != "apology"], ROOT / "configs" / "rubric.yaml")
    with pytest.raises(ConfigError, match="'apology' is agent, undesired"):
        check_rubric(rubric, [*labels[:3], Label("apology", "agent", "undesired"), *labels[4:]], ROOT / "configs" / "rubric.yaml")


def test_the_hash_is_of_what_the_rubric_says_not_how(tmp_path: Path) -> None:
    path = tmp_path / "rubric.yaml"
    plain = "\n".join(line for line in SHIPPED.splitlines() if not line.strip().startswith("#"))
    path.write_text(plain, encoding="utf-8")
    shipped = load_rubric(ROOT / "configs" / "rubric.yaml")

    assert rubric_hash(load_rubric(path)) == rubric_hash(shipped)
    path.write_text(plain.replace("weight: 30", "weight: 31"), encoding="utf-8")
    assert rubric_hash(load_rubric(path)) != rubric_hash(shipped)

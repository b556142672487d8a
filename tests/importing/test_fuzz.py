"""Whatever comes in, a parser gives calls that can be, or rejects; it never fails otherwise."""

import json
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from importing_kit import FIXTURES

from scorer.config import Columns, Speakers
from scorer.importing.files import Document
from scorer.importing.reading import read_document
from scorer.importing.recognise import known_formats
from scorer.importing.rejects import ImportReject
from scorer.importing.roles import parse_role_map, role_names
from scorer.importing.source import Format, Notes, ReadOptions

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "25"))
FUZZ = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
MAP = parse_role_map("ch_0=agent,ch_1=customer,ch_2=customer,spk_0=agent,spk_1=customer,A=agent,B=customer,assistant=agent,user=customer")
OPTIONS = ReadOptions(role_map=MAP, roles=role_names(Speakers()), columns=Columns().model_dump())
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["agent", "1.5", "PT1S", "-3", "nan", "1e999", "2026-01-05T10:00:00Z", "\ud800", "[PII]", "0"]),
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3), max_leaves=6
)
JSON = sorted(path for path in FIXTURES.iterdir() if path.suffix == ".json")
TEXTS = sorted(path for path in FIXTURES.iterdir() if path.suffix in (".vtt", ".srt", ".txt", ".md", ".csv", ".jsonl"))


def check(content: bytes, named: Format | None = None) -> None:
    """Every call that comes out can be scored; nothing but calls and rejects comes out."""
    for found in read_document(Document("fuzz", "fuzz", content), OPTIONS, named=named, notes=Notes()):
        if isinstance(found, ImportReject):
            continue
        assert found.call_id and {"agent", "customer"} <= {s.speaker for s in found.segments} <= {
            "agent",
            "customer",
            "bot",
            "ivr",
            "unknown",
        }
        for segment in found.segments:
            times = [time for time in (segment.start, segment.end) if time is not None]
            assert segment.text.strip() and times == sorted(times) and all(math.isfinite(time) and time >= 0 for time in times)
            assert found.tier != "none" or segment.end is None


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every container in a document with each of its keys."""
    items = list(value.items() if isinstance(value, dict) else enumerate(value)) if isinstance(value, (dict, list)) else []
    return [(value, key) for key, _ in items] + [place for _, inner in items for place in places(inner)]


def bend(draw: Callable[[st.SearchStrategy[Any]], Any], document: Any) -> None:
    """Put something else in one place, take it away, or double it."""
    found = places(document)
    if not found:
        return
    container, key = draw(st.sampled_from(found))
    match draw(st.sampled_from(("replace", "replace", "delete", "double"))):
        case "replace":
            container[key] = draw(VALUES)
        case "delete":
            del container[key]
        case "double" if isinstance(container, list):
            container.append(container[key])


@pytest.mark.slow
@pytest.mark.parametrize("path", JSON, ids=lambda path: path.stem)
@FUZZ
@given(st.data())
def test_bent_json(path: Path, data: st.DataObject) -> None:
    document = json.loads(path.read_text(encoding="utf-8"))
    for _ in range(data.draw(st.integers(1, 4))):
        bend(data.draw, document)

    check(json.dumps(document).encode())


@pytest.mark.slow
@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
@FUZZ
@given(st.data())
def test_bent_text(path: Path, data: st.DataObject) -> None:
    text = path.read_text(encoding="utf-8")
    for _ in range(data.draw(st.integers(1, 3))):
        start, end = sorted(data.draw(st.tuples(st.integers(0, len(text)), st.integers(0, len(text)))))
        middle = data.draw(
            st.one_of(st.text(max_size=6), st.just(text[start:end] * 2), st.sampled_from(["\n", "-->", ":", "<v >", '"', ";", "\x85"]))
        )
        text = text[:start] + middle + (text[end:] if end - start < len(text) // 2 else text[start:])

    check(text.encode("utf-8", "surrogatepass"))


@pytest.mark.slow
@pytest.mark.parametrize("named", known_formats(), ids=lambda named: named.name)
@FUZZ
@given(st.data())
def test_any_document_under_a_named_format(named: Format, data: st.DataObject) -> None:
    content = data.draw(VALUES.map(json.dumps) | st.text(max_size=60)) if named.kind == "json" else data.draw(st.text(max_size=80))

    check(content.encode("utf-8", "surrogatepass"), named)


@FUZZ
@given(st.one_of(st.binary(max_size=60), st.binary(max_size=60).map(lambda content: b"PK\x03\x04" + content)))
def test_any_bytes(content: bytes) -> None:
    check(content)


@FUZZ
@given(st.integers(0, 5000), st.binary(min_size=1, max_size=4))
def test_a_bent_workbook(at: int, new: bytes) -> None:
    content = (FIXTURES / "rows.xlsx").read_bytes()

    check(content[:at] + new + content[at + len(new) :])

"""Swapped roles are seen in the words, and right ones are left alone."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from builders import judged

from scorer.role_check import Swap, find_swap
from scorer.scoring.aggregate import score_call
from scorer.scoring.rubric import load_rubric

ROOT = Path(__file__).parents[1]
FLIP = {"agent": "customer", "customer": "agent"}


def swap_in(said: Sequence[tuple[str, str]]) -> Swap | None:
    speakers, texts = zip(*said, strict=True) if said else ((), ())
    return find_swap(speakers, texts)


@pytest.mark.parametrize(
    ("turns", "found"),
    [
        (("customer: Thank you for calling, how can I help you?", "agent: I want to cancel my order."), Swap((0, 1), 1.0)),
        (("agent: Thank you for calling, how can I help you?", "customer: I want to cancel my order."), None),
        (("customer: May I have your name?", "agent: It is Ben."), None),  # one mark may be chance
        (("customer: Thank you for calling me back.", "agent: You are welcome."), None),
        (("other: Thank you for calling. How can I help?", "customer: I'm calling about my bill."), None),
        ((), None),
    ],
)
def test_a_swap_is_seen_only_where_the_words_speak_for_it(turns: tuple[str, ...], found: Swap | None) -> None:
    assert swap_in([tuple(turn.split(": ", 1)) for turn in turns]) == found


def test_no_dev_call_looks_swapped_and_most_do_once_their_roles_are_exchanged() -> None:
    lines = (ROOT / "models/data/dev.jsonl").read_text(encoding="utf-8").splitlines()
    calls = [[(s["speaker"], s["text"]) for s in json.loads(line)["segments"]] for line in lines]
    right = [swap_in(c) for c in calls]
    swapped = [swap_in([(FLIP.get(speaker, speaker), text) for speaker, text in c]) for c in calls]

    assert right == [None] * len(calls)
    assert sum(found is not None for found in swapped) > 0.7 * len(calls)


def test_a_scored_call_that_looks_swapped_is_flagged_with_the_words() -> None:
    plain = judged("customer", "agent", "customer", "agent", "agent")
    first, *others = plain.call.segments
    greeted = replace(first, text="Thank you for calling, how can I help you?")
    swapped = replace(plain, call=replace(plain.call, segments=(greeted, *others)))
    rubric = load_rubric(ROOT / "configs/rubric.yaml")

    (flag,) = score_call(swapped, rubric).flags

    assert (flag.rule, flag.severity, score_call(plain, rubric).flags) == ("role_suspect", "warning", ())
    assert [(item.segment_index, item.quote, item.probability) for item in flag.evidence] == [(0, greeted.text, 1.0)]

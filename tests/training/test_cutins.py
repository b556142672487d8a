"""Made-up cut-ins and harmless breaks carry the labels that the codebook gives them."""

import random

import pytest

from scorer.records import Call, Segment
from scorer.training.corpus import LabelledCall
from scorer.training.cutins import LISTENING, Turns, cut_in, help_out, split, vary_turns

NONE: frozenset[str] = frozenset()
TURNS = [
    (Segment(0, "customer", "i wanted to ask about the bill from last march", 0.0, 5.0), NONE),
    (Segment(1, "agent", "that bill was paid in full in april", 5.2, 7.0), NONE),
    (Segment(2, "customer", "no it was not", 7.5, 8.5), frozenset({"problem"})),
    (Segment(3, "agent", "okay", 9.0, 9.5), NONE),
]


def test_a_made_cut_in_breaks_the_sentence_and_labels_the_agent() -> None:
    broken, agent, after, last = cut_in(TURNS, random.Random(1))

    assert TURNS[0][0].text.startswith(broken[0].text) and len(broken[0].text.split()) < 10
    assert agent[1] == {"interruption"} and agent[0].text == TURNS[1][0].text
    assert after[1] == {"problem"} and after[0].text.endswith("no it was not")
    assert last[0].start_s is not None and last[0].start_s < 9.0


@pytest.mark.parametrize("seed", range(20))
def test_a_made_cut_in_loses_no_word_where_the_customer_resumes_and_keeps_the_clock_in_order(seed: int) -> None:
    turns = cut_in(TURNS, random.Random(seed))

    starts = [s.start_s for s, _ in turns if s.start_s is not None]
    assert starts == sorted(starts)
    given_up = turns[2][0].text == TURNS[2][0].text
    assert given_up or set(TURNS[0][0].text.split()) <= set((turns[0][0].text + " " + turns[2][0].text.replace(",", "")).split())
    assert turns[2][0].text.endswith(TURNS[2][0].text)


@pytest.mark.parametrize("seed", range(20))
def test_a_harmless_break_adds_no_label_and_loses_no_word(seed: int) -> None:
    turns = split(TURNS, random.Random(seed))

    assert len(turns) in (5, 6)
    assert [given for _, given in turns if given] == [frozenset({"problem"})]
    added = [s for s, _ in turns if s not in [there for there, _ in TURNS] and s.text in LISTENING]
    assert len(added) == len(turns) - 5
    for party in ("customer", "agent"):
        theirs = [text for who, text in spoken([t for t in turns if t[0] not in added]) if who == party]
        assert " ".join(theirs) == " ".join(text for who, text in spoken(TURNS) if who == party)


def spoken(turns: Turns) -> list[tuple[str, str]]:
    return [(segment.speaker, segment.text) for segment, _ in turns]


def test_without_a_clock_none_is_made_up() -> None:
    bare = [(Segment(s.index, s.speaker, s.text), given) for s, given in TURNS]

    for made in (cut_in(bare, random.Random(2)), split(bare, random.Random(2))):
        assert all(s.start_s is None and s.end_s is None for s, _ in made)


def test_every_segment_keeps_its_labels_beside_it() -> None:
    call = LabelledCall(Call("c", tuple(s for s, _ in TURNS)), tuple(given for _, given in TURNS))
    rng = random.Random(3)

    for _ in range(50):
        varied = vary_turns(call, rng)
        assert len(varied.labels) == len(varied.call.segments)
        assert [s.index for s in varied.call.segments] == list(range(len(varied.call.segments)))
        assert all(s.speaker == "agent" for s, given in zip(varied.call.segments, varied.labels, strict=True) if "interruption" in given)


@pytest.mark.parametrize("seed", range(30))
def test_helping_with_a_word_is_no_interruption_and_loses_no_word(seed: int) -> None:
    turns = help_out(TURNS, random.Random(seed))

    assert [s.speaker for s, _ in turns].count("agent") == 3
    assert not any("interruption" in given for _, given in turns)
    said = " ".join(s.text for s, _ in turns if s.speaker == "customer").replace(",", "").split()
    assert {"i", "wanted", "to", "ask", "about", "the", "bill", "from", "last", "march"} <= set(said)

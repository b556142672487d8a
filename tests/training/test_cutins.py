"""Made-up cut-ins and harmless breaks carry the labels that the codebook gives them."""

import random
from dataclasses import replace

import pytest

from scorer.records import Call, Segment
from scorer.training.corpus import LabelledCall
from scorer.training.cutins import LISTENING, Turn, Turns, cut_in, help_out, split, vary_turns

NONE: frozenset[str] = frozenset()
TURNS = [
    Turn(Segment(0, "customer", "i wanted to ask about the bill from last march", 0.0, 5.0), NONE),
    Turn(Segment(1, "agent", "that bill was paid in full in april", 5.2, 7.0), NONE),
    Turn(Segment(2, "customer", "no it was not", 7.5, 8.5), frozenset({"problem"})),
    Turn(Segment(3, "agent", "okay", 9.0, 9.5), NONE),
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

    starts = [s.start_s for s, *_ in turns if s.start_s is not None]
    assert starts == sorted(starts)
    given_up = turns[2][0].text == TURNS[2][0].text
    assert given_up or set(TURNS[0][0].text.split()) <= set((turns[0][0].text + " " + turns[2][0].text.replace(",", "")).split())
    assert turns[2][0].text.endswith(TURNS[2][0].text)


@pytest.mark.parametrize("seed", range(20))
def test_a_harmless_break_adds_no_label_and_loses_no_word(seed: int) -> None:
    turns = split(TURNS, random.Random(seed))

    assert len(turns) in (5, 6)
    assert [given for _, given, _ in turns if given] == [frozenset({"problem"})]
    added = [s for s, *_ in turns if s not in [there for there, *_ in TURNS] and s.text in LISTENING]
    assert len(added) == len(turns) - 5
    for party in ("customer", "agent"):
        theirs = [text for who, text in spoken([t for t in turns if t[0] not in added]) if who == party]
        assert " ".join(theirs) == " ".join(text for who, text in spoken(TURNS) if who == party)


def spoken(turns: Turns) -> list[tuple[str, str]]:
    return [(segment.speaker, segment.text) for segment, *_ in turns]


def with_texts(customer: str, agent: str = TURNS[1][0].text, given: frozenset[str] = NONE) -> Turns:
    """The turns, with other words in the first two and other labels on the second."""
    (first, *_), (second, *_), *others = TURNS
    return [Turn(replace(first, text=customer), NONE), Turn(replace(second, text=agent), given), *others]


@pytest.mark.parametrize(
    "turns",
    [
        with_texts("i wanted to ask, when was the bill from last march paid?"),
        with_texts("i wanted to ask about the bill from last..."),
        with_texts("i wanted to ask about the bill from last…"),
        with_texts("I wanted to ask about the bill from last —"),
        with_texts("okay when was the bill from last march paid"),
        with_texts("can you tell me about the bill from last march"),
        with_texts(TURNS[0][0].text, "oh sorry please do go ahead"),
    ],
)
def test_no_cut_in_is_made_where_none_would_be_heard(turns: Turns) -> None:
    assert all(cut_in(turns, random.Random(seed)) is turns for seed in range(20))


def test_a_cut_in_breaks_no_sentence_at_its_end() -> None:
    turns = with_texts("I have a question. It is about that. I paid it.")

    kept = {cut_in(turns, random.Random(seed))[0][0].text for seed in range(40)}

    assert kept == {"I have a question. It is about that. I", "I have a question. It is about", "I have a question. It is"}


def test_the_customer_resumes_where_neither_overlap_nor_last_word_tells_of_the_cut_in() -> None:
    closed = with_texts("so yesterday somebody called saying everything works again since monday morning")  # each word could be its last

    clocked, unclocked = (given_up([cut_in(t, random.Random(seed)) for seed in range(200)]) for t in (closed, without_clock(TURNS)))

    assert all(cut_in(without_clock(closed), random.Random(seed))[2][0].text != closed[2][0].text for seed in range(50))
    assert clocked and all((first.end_s or 0) - (second.start_s or 0) > 0.5 for first, second in clocked)
    assert {first.text.split()[-1] for first, _ in unclocked} == {"from", "the"}


def without_clock(turns: Turns) -> Turns:
    return [turn._replace(segment=replace(turn.segment, start_s=None, end_s=None)) for turn in turns]


def given_up(made: list[Turns]) -> list[tuple[Segment, Segment]]:
    """What was broken off and what cut in, where the customer only answered."""
    return [(first, second) for (first, *_), (second, *_), (third, *_), _ in made if third.text == TURNS[2][0].text]


def test_no_help_is_made_up_where_the_agent_cuts_in_next() -> None:
    turns = with_texts(TURNS[0][0].text, given=frozenset({"interruption"}))

    assert all(help_out(turns, random.Random(seed)) is turns for seed in range(20))


@pytest.mark.parametrize("seed", range(60))
def test_the_word_is_taken_up_after_it_was_offered(seed: int) -> None:
    turns = help_out(TURNS, random.Random(seed))

    at = next(at for at, (segment, *_) in enumerate(turns) if segment.text != TURNS[at][0].text)
    offer, answer = turns[at + 1][0], turns[at + 2][0]
    assert offer.start_s is not None and answer.start_s is not None and answer.end_s is not None
    assert offer.start_s <= answer.start_s < answer.end_s


@pytest.mark.parametrize(
    ("said", "sought"), [("it was the, i think, i", {"think, i", "i"}), ("it was paid, then, twice", {"then, twice", "paid, then, twice"})]
)
def test_nobody_offers_what_nobody_could_guess(said: str, sought: set[str]) -> None:
    turns = with_texts(said)

    offers = [help_out(turns, random.Random(seed))[1][0].text for seed in range(60)]

    assert (
        not any(offer.startswith(f"{word}{end}") for offer in offers for word in sought for end in ("?", ", ")) and not set(offers) & sought
    )


def test_without_a_clock_none_is_made_up() -> None:
    bare = without_clock(TURNS)

    for made in (cut_in(bare, random.Random(2)), split(bare, random.Random(2))):
        assert all(s.start_s is None and s.end_s is None for s, *_ in made)


def test_every_segment_keeps_its_labels_beside_it() -> None:
    call = LabelledCall(Call("c", tuple(s for s, *_ in TURNS)), tuple(given for _, given, _ in TURNS))
    rng = random.Random(3)

    for _ in range(50):
        varied = vary_turns(call, rng)
        assert len(varied.labels) == len(varied.call.segments)
        assert [s.index for s in varied.call.segments] == list(range(len(varied.call.segments)))
        assert all(s.speaker == "agent" for s, given in zip(varied.call.segments, varied.labels, strict=True) if "interruption" in given)


@pytest.mark.parametrize("seed", range(30))
def test_helping_with_a_word_is_no_interruption_and_loses_no_word(seed: int) -> None:
    turns = help_out(TURNS, random.Random(seed))

    assert [s.speaker for s, *_ in turns].count("agent") == 3
    assert not any("interruption" in given for _, given, _ in turns)
    said = " ".join(s.text for s, *_ in turns if s.speaker == "customer").replace(",", "").split()
    assert {"i", "wanted", "to", "ask", "about", "the", "bill", "from", "last", "march"} <= set(said)


OLD = frozenset({"problem", "ownership"})  # what a call was labelled for before there were other labels


@pytest.mark.parametrize("seed", range(60))
def test_what_nobody_judged_is_made_up_neither_as_a_yes_nor_as_a_no(seed: int) -> None:
    whole = LabelledCall(Call("c", tuple(s for s, *_ in TURNS)), tuple(given for _, given, _ in TURNS))

    varied = vary_turns(replace(whole, judged=(OLD,) * 4), random.Random(seed))

    other = vary_turns(whole, random.Random(seed))
    assert (varied.call, varied.labels, other.judged) == (other.call, other.labels, ())
    assert varied.judged == tuple(OLD | given for given in varied.labels)


def test_a_no_to_joined_words_takes_a_no_to_both() -> None:
    turns = [TURNS[0]._replace(judged=frozenset({"exit_request"})), *TURNS[1:]]
    other = [*TURNS[:2], TURNS[2]._replace(judged=frozenset({"problem"})), TURNS[3]]

    (first, agent, joined, _), (*_, with_problem, _) = (cut_in(made, random.Random(1)) for made in (turns, other))

    assert (first.judged, agent.judged, joined.judged) == ({"exit_request"}, None, {"exit_request", "problem"})
    assert with_problem.judged == {"problem"}

import pytest

from scorer.classify.timing import time_segments
from scorer.classify.windows import timing_name
from scorer.records import Segment, Word


def segment(at: int, speaker: str, start: float | None, end: float | None, words: tuple[Word, ...] = ()) -> Segment:
    return Segment(at, speaker, "word", start, end, words)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("start", "end", "overlap", "name"),
    [
        (12.0, 14.0, 0.0, "pause"),
        (10.2, 14.0, 0.0, "turn_end"),
        (9.9, 14.0, 0.1, "turn_end"),
        (9.7, 14.0, 0.3, "cuts_in_little"),
        (9.2, 14.0, 0.8, "cuts_in"),
        (8.0, 14.0, 2.0, "cuts_in_much"),
        (8.0, 9.5, 1.5, "inside"),
        (None, None, None, "unknown"),
    ],
)
def test_overlap_is_the_time_in_which_both_speak(start: float | None, end: float | None, overlap: float | None, name: str) -> None:
    segments = (segment(0, "customer", 0.0, 10.0), segment(1, "agent", start, end))

    timing = time_segments(segments)[1]

    assert timing.overlap_s == (None if overlap is None else pytest.approx(overlap, abs=1e-3))
    assert timing.tier == ("none" if overlap is None else "turns")
    assert timing_name(segments[1], timing) == name


def test_word_times_show_that_the_customer_had_stopped() -> None:
    customer = segment(0, "customer", 0.0, 10.0, (Word("word", 0.0, 4.0),))
    agent = segment(1, "agent", 5.0, 8.0, (Word("word", 5.0, 8.0),))

    timing = time_segments((customer, agent))[1]

    assert (timing.overlap_s, timing.tier) == (0.0, "words")


def test_one_word_without_a_time_falls_back_to_turns() -> None:
    customer = segment(0, "customer", 0.0, 10.0, (Word("word", 0.0, 4.0), Word("word")))
    agent = segment(1, "agent", 5.0, 8.0, (Word("word", 5.0, 8.0),))

    timing = time_segments((customer, agent))[1]

    assert (timing.overlap_s, timing.tier) == (3.0, "turns")


def test_zero_is_a_time() -> None:
    timing = time_segments((segment(0, "agent", 0.0, 3.0), segment(1, "customer", 0.0, 1.0)))[0]

    assert timing.overlap_s == 1.0


def test_being_spoken_over_is_not_cutting_in() -> None:
    segments = (segment(0, "customer", 0.0, 2.0), segment(1, "agent", 2.6, 9.0), segment(2, "customer", 5.0, 6.0))

    agent, customer = time_segments(segments)[1:]

    assert (agent.overlap_s, timing_name(segments[1], agent)) == (1.0, "pause")
    assert timing_name(segments[2], customer) == "inside"

"""Who is who is said by the source or the user, in a fixed order, and checked against clock and words."""

from collections.abc import Mapping

import pytest

from scorer.config import Speakers
from scorer.importing.checks import check_channels, ordered, timing_tier
from scorer.importing.roles import MACHINES, RoleAnswer, parse_role_map, resolve_roles, role_names
from scorer.importing.source import ReadOptions, Role, SourceCall, SourceError, SourceSegment
from scorer.records import Word

NAMES = role_names(Speakers())
OTHER = SourceSegment("and some words of another party", "Rep")


def answer(segment: SourceSegment, role_map: str = "", participants: Mapping[str, Role] | None = None, **channels: Role) -> RoleAnswer:
    call = SourceCall(
        (segment, OTHER, SourceSegment("words words words words", "client")), participants=participants or {}, channels=channels
    )
    return resolve_roles(call, ReadOptions(role_map=parse_role_map(role_map), roles=NAMES))[0]


@pytest.mark.parametrize(
    ("segment", "role_map", "found"),
    [
        (SourceSegment("hi", "x", "ch_0", role="customer"), "x=agent,ch_0=agent", ("customer", "field")),
        (SourceSegment("hi", " AGENT ", "ch_0"), "agent=customer", ("agent", "field")),
        (SourceSegment("hi", "p1", "ch_0"), "p1=agent,ch_0=agent", ("customer", "participants")),
        (SourceSegment("hi", "p9", "ch_1"), "ch_1=customer", ("agent", "channel_map")),
        (SourceSegment("hi", "p9", "ch_2"), "p9=agent,ch_2=customer", ("customer", "channel_map")),
        (SourceSegment("hi", "P9"), "p9=agent", ("agent", "speaker_map")),
        (SourceSegment("hi", "p9"), "", ("unknown", "unknown")),
        (SourceSegment("hi"), "", ("unknown", "unknown")),
        (SourceSegment("hi", "Virtual Agent"), "", ("bot", "field")),
        (SourceSegment("hi", "p9", role="unknown"), "p9=ivr", ("ivr", "speaker_map")),
    ],
)
def test_the_first_that_knows_the_role_says_it(segment: SourceSegment, role_map: str, found: tuple[str, str]) -> None:
    given = answer(segment, role_map, {"p1": "customer"}, ch_1="agent")

    assert (given.role, given.source) == found


def test_a_night_knows_the_machines_that_an_import_knows_and_the_other_way_round() -> None:
    assert set(MACHINES) == set(Speakers().other)
    assert role_names(Speakers(other=("Supervisor", "bot")))["supervisor"] == "ivr" and NAMES["bot"] == "bot"


@pytest.mark.parametrize(
    ("segments", "said"),
    [
        ((SourceSegment("one two", "spk_0"), OTHER, SourceSegment("three", "client")), "spk_0=..."),
        ((SourceSegment("one two", "Mrs Secret"), OTHER, SourceSegment("three", "client")), "LABEL=agent"),
        ((SourceSegment("one two"), OTHER, SourceSegment("three", "client")), "diarization"),
        ((OTHER, SourceSegment("press one", "ivr")), "nobody speaks as customer"),
    ],
)
def test_a_call_whose_roles_cannot_be_known_is_refused_with_advice(segments: tuple[SourceSegment, ...], said: str) -> None:
    with pytest.raises(SourceError, match=said) as caught:
        resolve_roles(SourceCall(segments), ReadOptions(roles=NAMES))

    assert "Secret" not in str(caught.value)


def segment(
    start: float | None, end: float | None, text: str = "one two three four five six seven eight", timed: bool = False
) -> SourceSegment:
    words = tuple(Word(word, (start or 0) + at * 0.1, (start or 0) + at * 0.1 + 0.1) for at, word in enumerate(text.split()))
    return SourceSegment(text, start_s=start, end_s=end, words=words if timed else ())


BOTH = [RoleAnswer("agent", "field"), RoleAnswer("customer", "field")]


@pytest.mark.parametrize(
    ("apart", "first", "second", "tier"),
    [
        (True, segment(0, 1, timed=True), segment(2, 3, timed=True), "words"),
        (True, segment(0, 1, timed=True), segment(2, 3), "turns"),
        (True, segment(0, 1), segment(2, None), "none"),
        (True, segment(0, 1), segment(None, None), "none"),
        (False, segment(0, 1, timed=True), segment(2, 3, timed=True), "none"),
    ],
)
def test_the_tier_is_what_the_recording_can_show(apart: bool, first: SourceSegment, second: SourceSegment, tier: str) -> None:
    assert timing_tier(SourceCall((first, second), apart=apart), BOTH) == tier


@pytest.mark.parametrize(
    ("second", "copied"),
    [
        (segment(0.3, 1.3), True),
        (segment(0.0, 0.8, timed=True), True),
        (segment(5, 6), False),
        (segment(0, 1, "quite other words than the agent has just said there"), False),
        (segment(None, None), False),
        (segment(0, 1, "one two three"), False),  # too few to tell
    ],
)
def test_the_same_words_at_the_same_time_on_both_channels_are_one_recording(second: SourceSegment, copied: bool) -> None:
    call = SourceCall((segment(0, 1), second), apart=True)

    try:
        check_channels(call, BOTH)
        found = False
    except SourceError as error:
        found = error.reason == "mono_copied"
    assert found is copied


def test_segments_are_put_in_order_of_time_and_silence_is_left_out() -> None:
    call = SourceCall((segment(2, 3, "late"), segment(0, 5, " "), segment(0, 1, "early")))

    assert [s.text for s in ordered(call).segments] == ["early", "late"]


def test_segments_without_a_clock_keep_their_order() -> None:
    call = SourceCall((segment(2, 3, "first"), segment(None, None, "second"), segment(0, 1, "third")))

    assert [s.text for s in ordered(call).segments] == ["first", "second", "third"]

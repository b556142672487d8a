"""Every formula of the rubric with values worked out by hand."""

from itertools import product
from pathlib import Path
from typing import Any

import pytest
from builders import judged
from hypothesis import given
from hypothesis import strategies as st

from scorer.records import CallScore, Tally
from scorer.scoring.aggregate import score_call, why_no_score
from scorer.scoring.points import read_points
from scorer.scoring.rubric import Rubric, load_rubric

BASE: dict[str, Any] = {
    "name": "test",
    "version": 1,
    "minimum": {"agent_segments": 1, "customer_segments": 1},
    "episodes": {"gap_segments": 2, "answer_segments": 3},
    "bands": [{"name": "low", "from": 0}, {"name": "high", "from": 50}],
}
CUT_IN = {"kind": "per_turn", "label": "interruption", "weight": 10.0, "limit": 0.5}
PRESS = {
    "kind": "after_signal",
    "label": "retention_pushiness",
    "signal": "exit_request",
    "weight": 10.0,
    "points_by_count": [1.0, 0.6, 0.2, 0.0],
    "repeated_counts": 2.0,
}
OWN = {
    "kind": "per_episode",
    "label": "ownership",
    "signal": "problem",
    "against": "deflection",
    "against_share": 0.5,
    "one_is_enough": False,
    "weight": 10.0,
    "target": 1.0,
}
SORRY = {"kind": "per_episode", "label": "apology", "signal": "problem", "one_is_enough": True, "weight": 30.0, "target": 1.0}


def rubric(behaviours: dict[str, Any], **more: Any) -> Rubric:
    return Rubric.model_validate(BASE | {"behaviours": behaviours} | more, strict=False)


def points(score: CallScore, name: str = "b") -> tuple[int, int, float | None]:
    found = next(b for b in score.behaviours if b.behaviour == name)
    return found.tally.hits, found.tally.chances, found.points


TWICE = ["customer #problem", "agent", "customer", "agent", "customer #problem", "agent #apology"]  # two problems, one apology
CASES = [
    # interruption: hits of customer turns that the agent takes over, limit 0.5
    (CUT_IN, ["customer", "agent", "customer", "agent"], (0, 2, 1.0)),
    (CUT_IN, ["customer", "agent #interruption", "customer", "agent", "customer", "agent", "customer", "agent"], (1, 4, 0.5)),
    (CUT_IN, ["customer", "agent #interruption", "customer", "agent"], (1, 2, 0.0)),
    (CUT_IN, ["customer", "customer", "agent", "agent #interruption"], (1, 1, 0.0)),  # one turn, whoever else spoke in it
    (CUT_IN, ["customer", "other", "agent #interruption"], (1, 1, 0.0)),
    (CUT_IN, ["agent #interruption", "customer"], (0, 0, None)),  # nobody was interrupted
    # pushiness: agent segments after the first wish to leave
    (PRESS, ["customer", "agent #retention_pushiness"], (0, 0, None)),
    (PRESS, ["customer #exit_request", "agent", "agent"], (0, 2, 1.0)),
    (PRESS, ["customer #exit_request", "agent #retention_pushiness", "agent"], (1, 2, 0.6)),
    (PRESS, ["customer #exit_request", "agent #retention_pushiness", "agent #retention_pushiness"], (2, 2, 0.2)),
    # after the repeated wish a hit counts twice: 2 -> 0.2
    (PRESS, ["customer #exit_request", "agent", "customer #exit_request", "agent #retention_pushiness"], (1, 2, 0.2)),
    # said twice in one go is said once
    (PRESS, ["customer #exit_request", "customer #exit_request", "agent #retention_pushiness"], (1, 1, 0.6)),
    # ownership: episodes taken on, less half of those only deflected
    (OWN, ["customer", "agent #ownership"], (0, 0, None)),
    (OWN, ["customer #problem", "agent #ownership"], (1, 1, 1.0)),
    (OWN, ["customer #problem", "agent", "customer #problem", "agent #ownership"], (1, 1, 1.0)),  # a gap of one: one episode
    (OWN, ["customer #problem", "agent", "customer", "agent", "customer #problem", "agent #ownership"], (1, 2, 0.5)),
    (OWN, ["customer #problem", "agent #deflection", "customer", "agent", "customer #problem", "agent #ownership"], (1, 2, 0.25)),
    (OWN, ["customer #problem", "agent #deflection"], (0, 1, 0.0)),
    (OWN, ["customer #problem", "agent #deflection", "agent #ownership"], (1, 1, 1.0)),
    (OWN, ["customer #problem", "agent", "agent", "agent", "agent #ownership"], (0, 1, 0.0)),  # too late: after three
    (OWN, ["agent #ownership", "customer #problem", "agent"], (0, 1, 0.0)),  # too early
    # apology: one for all problems is enough here
    (SORRY, TWICE, (1, 1, 1.0)),
    (SORRY | {"one_is_enough": False}, TWICE, (1, 2, 0.5)),
    (SORRY | {"one_is_enough": False, "target": 0.5}, TWICE, (1, 2, 1.0)),
    (SORRY | {"within_segments": 1}, ["customer #problem", "agent", "agent #apology"], (0, 1, 0.0)),
    # a new label needs no code
    ({"kind": "rate", "label": "empathy", "weight": 1.0, "target": 0.5}, ["agent #empathy", "agent", "agent", "agent"], (1, 4, 0.5)),
    ({"kind": "rate", "label": "deflection", "weight": 1.0, "limit": 0.5}, ["agent #deflection", "agent", "agent", "agent"], (1, 4, 0.5)),
]  # fmt: skip


@pytest.mark.parametrize(("behaviour", "turns", "wanted"), CASES)
def test_hits_chances_and_points(behaviour: dict[str, Any], turns: list[str], wanted: tuple[int, int, float | None]) -> None:
    score = score_call(judged(*turns), rubric({"b": behaviour}))

    assert points(score) == wanted


def test_a_behaviour_without_a_chance_leaves_the_total() -> None:
    rules = rubric({"cut": CUT_IN, "press": PRESS, "sorry": SORRY})

    score = score_call(judged("customer #problem", "agent #interruption"), rules)

    # cut 0 points x 10, sorry 0 x 30, press not applicable
    assert (score.score, points(score, "press")) == (0.0, (0, 0, None))
    score = score_call(judged("customer #problem", "agent #interruption #apology"), rules)
    assert score.score == 75.0  # 100 x (10 x 0 + 30 x 1) / 40


def test_a_call_without_any_chance_has_no_score() -> None:
    score = score_call(judged("customer", "agent"), rubric({"press": PRESS}))

    assert (score.status, score.score, score.raw_score, score.expected_score, score.band, score.flags) == (
        "not_applicable",
        None,
        None,
        None,
        None,
        (),
    )


@pytest.mark.parametrize(
    ("turns", "why"),
    [
        (["agent", "agent"], "only 0 of 1 customer segment"),
        (["customer"], "only 0 of 1 agent segment"),
        (["customer", "other"], "only 0 of 1 agent segment"),
        (["other"], "only 0 of 1 agent segment and only 0 of 1 customer segment"),
    ],
)
def test_a_one_sided_call_is_insufficient(turns: list[str], why: str) -> None:
    call, rules = judged(*turns), rubric({"cut": CUT_IN})
    score = score_call(call, rules)

    assert (score.status, score.score, score.band) == ("insufficient", None, None)
    assert why_no_score(call, rules) == why


PRESSED = ["customer #exit_request", "agent #retention_pushiness", "customer #exit_request"] + ["agent #retention_pushiness"] * 2
WITH_OTHERS = {"press": PRESS, "cut": CUT_IN | {"weight": 90.0}}


@pytest.mark.parametrize(
    ("effect", "hits", "final", "reason"),
    [
        ({"effect": "zero"}, 2, 0.0, "why"),
        ({"effect": "cap", "cap": 40.0}, 2, 40.0, "why"),
        ({"effect": "cap", "cap": 95.0}, 2, 90.0, "why"),
        ({"effect": "flag_only"}, 2, 90.0, None),
        ({"effect": "zero"}, 3, 90.0, None),  # one of the three was before the repeated wish
    ],
)
def test_critical_rules_limit_the_score_and_keep_the_raw_one(effect: dict[str, Any], hits: int, final: float, reason: str | None) -> None:
    rule = {"name": "rule", "behaviour": "press", "hits_at_least": hits, "after_repeated": True, "reason": "why"} | effect

    score = score_call(judged(*PRESSED), rubric(WITH_OTHERS, critical=[rule]))

    # 3 hits, two of them counting twice: 5 -> 0 points; cut in 1.0 x 90: 90 of 100
    assert (score.raw_score, score.score, score.auto_fail) == (90.0, final, reason)
    assert [flag.rule for flag in score.flags] == (["rule"] if hits == 2 else [])


def test_expected_values_come_from_probabilities() -> None:
    call = judged("customer #problem=0.9", "agent ~ownership=0.4 ~deflection=0.5", "agent ~ownership=0.5", "customer")

    score = score_call(call, rubric({"b": OWN}))
    (own,) = score.behaviours

    assert own.tally == Tally(0, 1) and own.points == 0.0
    assert own.expected_hits == pytest.approx(0.7)  # 1 - 0.6 x 0.5
    assert own.expected_points == pytest.approx(0.7)  # deflected or not, the points of a single episode are not below 0
    assert score.expected_score == pytest.approx(70)


@pytest.mark.parametrize(
    ("behaviour", "turns"),
    [
        (CUT_IN, ["customer", "agent ~interruption=0.3", "customer", "agent ~interruption=0.6", "customer", "agent ~interruption=0.1"]),
        (PRESS, ["customer #exit_request", "agent ~retention_pushiness=0.3", "customer #exit_request", "agent ~retention_pushiness=0.8"]),
        (
            OWN,
            [
                *("customer #problem", "agent ~ownership=0.4 ~deflection=0.7", "customer", "agent", "customer"),
                *("customer #problem", "agent ~ownership=0.2 ~deflection=0.6", "agent ~ownership=0.1"),
            ],
        ),
        (SORRY, [*TWICE[:-1], "agent ~apology=0.3"]),
        ({"kind": "rate", "label": "ownership", "weight": 1.0, "target": 0.3}, ["agent ~ownership=0.4", "agent ~ownership=0.9", "agent"]),
        ({"kind": "rate", "label": "deflection", "weight": 1.0, "limit": 0.3}, ["agent ~deflection=0.4", "agent ~deflection=0.9", "agent"]),
    ],
)
def test_expected_points_are_the_mean_over_all_that_could_have_been_said(behaviour: dict[str, Any], turns: list[str]) -> None:
    rules = rubric({"b": behaviour})
    marks = [(at, mark) for at, turn in enumerate(turns) for mark in turn.split() if mark.startswith("~")]

    mean = 0.0
    for drawn in product((True, False), repeat=len(marks)):
        chosen, probability = [turn.split("~")[0] for turn in turns], 1.0
        for (at, mark), said in zip(marks, drawn, strict=True):
            label, _, p = mark[1:].partition("=")
            probability *= float(p) if said else 1 - float(p)
            chosen[at] += f" #{label}" if said else ""
        mean += probability * (points(score_call(judged(*chosen), rules))[2] or 0.0)

    assert score_call(judged(*turns), rules).behaviours[0].expected_points == pytest.approx(mean, abs=1e-6)


def test_expected_points_of_very_many_chances_are_the_mean_too() -> None:
    rules = rubric({"b": OWN | {"against_share": 0.3}}, episodes={"gap_segments": 0, "answer_segments": 1})
    call = judged(*["customer #problem", "agent ~ownership=0.6 ~deflection=0.5", "customer"] * 300)

    (own,) = score_call(call, rules).behaviours

    assert own.tally.chances == 300
    assert own.expected_points == pytest.approx(0.6 - 0.3 * 0.4 * 0.5, abs=1e-6)  # so far from floor and ceiling, that of the mean count


def test_expected_count_lies_between_two_counts() -> None:
    score = score_call(judged("customer #exit_request", "agent ~retention_pushiness=0.25", "agent"), rubric({"b": PRESS}))

    assert score.behaviours[0].expected_points == pytest.approx(0.9)  # a quarter of the way from 1.0 to 0.6
    assert read_points((1.0, 0.6, 0.0), 1.5) == pytest.approx(0.3)
    assert read_points((1.0, 0.6, 0.0), 7.0) == 0.0


@pytest.mark.parametrize(("interruptions", "turns", "band"), [(0, 4, "high"), (1, 4, "high"), (2, 7, "low")])
def test_a_band_begins_at_its_score(interruptions: int, turns: int, band: str) -> None:
    talk = ["customer", "agent #interruption"] * interruptions + ["customer", "agent"] * (turns - interruptions)

    score = score_call(judged(*talk), rubric({"b": CUT_IN}))

    assert score.band == band  # 1 of 4: exactly 50


FLAGS = [
    ({"score_below": 50.0}, ["customer", "agent #interruption"], [(1, "interruption")]),
    ({"hits_at_least": {"behaviour": "cut", "count": 1}}, ["customer", "agent #interruption=0.8"], [(1, "interruption")]),
    ({"hits_at_least": {"behaviour": "cut", "count": 2}}, ["customer", "agent #interruption"], None),
    (
        {"missed_at_least": {"behaviour": "own", "count": 1}},
        ["customer #problem=0.7", "agent #deflection=0.9"],
        [(1, "deflection"), (0, "problem")],
    ),
    ({"missed_at_least": {"behaviour": "own", "count": 1}}, ["customer #problem", "agent #ownership"], None),
    *(
        (condition, ["customer #problem", "agent #ownership", *["agent"] * 8, "customer #problem=0.6", "agent"], [(10, "problem")])
        for condition in ({"missed_at_least": {"behaviour": "own", "count": 1}}, {"score_below": 99.0})  # praise is no reason to look
    ),
]


@pytest.mark.parametrize(("condition", "turns", "places"), FLAGS)
def test_flags_show_where_to_read(condition: dict[str, Any], turns: list[str], places: list[tuple[int, str]] | None) -> None:
    rule = {"name": "look", "severity": "notice", "reason": "because"} | condition

    score = score_call(judged(*turns), rubric({"cut": CUT_IN, "own": OWN}, flags=[rule]))

    found = [[(e.segment_index, e.label) for e in flag.evidence] for flag in score.flags]
    assert found == ([] if places is None else [places])
    if places:
        assert score.flags[0].evidence[0].quote == f"words {places[0][0]}"


TURN = st.sampled_from(
    ["customer", "customer #problem", "customer #exit_request", "agent", "agent #apology", "agent #ownership", "agent #deflection", "other"]
)
SHIPPED = load_rubric(Path(__file__).parents[2] / "configs" / "rubric.yaml")


@given(st.lists(TURN, min_size=1, max_size=25), st.data())
def test_a_score_is_none_or_0_to_100_and_never_rises_with_an_undesired_hit(turns: list[str], data: st.DataObject) -> None:
    before = score_call(judged(*turns), SHIPPED)
    assert (before.score is None) == (before.status != "scored") == (before.band is None)
    assert before.score is None or 0 <= before.score <= 100
    agents = [at for at, turn in enumerate(turns) if turn.startswith("agent")]
    if not agents:
        return
    at = data.draw(st.sampled_from(agents))
    worse = [*turns]
    worse[at] += f" #{data.draw(st.sampled_from(['interruption', 'retention_pushiness', 'deflection']))}"
    after = score_call(judged(*worse), SHIPPED)
    assert (after.score is None) == (before.score is None)
    if after.score is not None and before.score is not None:
        assert after.score <= before.score
        assert after.expected_score is not None and 0 <= after.expected_score <= 100

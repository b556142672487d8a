"""Few chances say little."""

import pytest

from scorer.records import Tally
from scorer.review.shrink import shrink, stands_out


def test_without_a_chance_there_is_no_rate() -> None:
    assert shrink(Tally()) is None


def test_a_rate_is_drawn_towards_the_others_by_twenty_chances() -> None:
    rate = shrink(Tally(3, 3), Tally(10, 100))

    # hits 3 + 20 x 0.1 + 0.5, misses 0 + 20 x 0.9 + 0.5
    assert rate is not None and rate.mean == pytest.approx(5.5 / 24)


def test_few_others_weigh_no_more_than_they_are_and_none_nothing() -> None:
    few, none = shrink(Tally(1, 2), Tally(4, 4)), shrink(Tally(1, 5), Tally())

    assert few is not None and few.mean == pytest.approx(5.5 / 7)
    assert none is not None and none.mean == pytest.approx(1.5 / 6) and none.low < 0.1 and none.high > 0.5


def test_an_agent_with_three_chances_does_not_look_worst() -> None:
    team = Tally(20, 200)

    few, many = shrink(Tally(3, 3), team), shrink(Tally(30, 60), team)

    assert few is not None and many is not None
    assert few.low < many.low and few.mean < many.mean
    assert stands_out(many, team) and not stands_out(shrink(Tally(1, 3), team) or many, team)


def test_the_interval_is_that_of_the_beta_distribution() -> None:
    rate = shrink(Tally(0, 0), Tally(1, 2))
    half = shrink(Tally(10, 20))

    assert rate is None and half is not None
    # Beta(10.5, 10.5): 5 % and 95 % quantiles, from tables
    assert (half.low, half.high) == (pytest.approx(0.324, abs=0.002), pytest.approx(0.676, abs=0.002))


@pytest.mark.parametrize(("team", "agent"), [(Tally(9, 9), Tally(1, 1)), (Tally(2, 2), Tally(2, 2)), (Tally(0, 900), Tally(0, 300))])
def test_who_does_as_all_of_the_team_does_not_stand_out(team: Tally, agent: Tally) -> None:
    rate = shrink(agent, team)

    assert rate is not None and not stands_out(rate, team)

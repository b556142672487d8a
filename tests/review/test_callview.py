"""One call as a page shows it."""

import pytest
from runs import RUBRIC, call

from scorer.review.callview import view_call

LEAVES = "customer #exit_request=0.9"


@pytest.mark.parametrize(
    ("pressed", "said"),
    [
        ("agent #retention_pushiness=0.9", "A critical rule holds it at 40.0: "),  # 50 without it
        ("agent #retention_pushiness=0.9 #interruption=0.9", "A critical rule was broken too, which takes nothing off this score: "),  # 0
    ],
)
def test_a_critical_rule_is_said_to_hold_a_score_only_where_it_does(pressed: str, said: str) -> None:
    lines = view_call(call("c", *(LEAVES, pressed) * 4), RUBRIC, masked=True).arithmetic

    assert [line for line in lines if "critical" in line] == [
        said + "the agent pressed on three times or more after the customer had repeated the wish to leave or decline."
    ]


@pytest.mark.parametrize(
    ("turns", "why"),
    [(["customer", "agent"], "only 1 of 3 agent segments and only 1 of 2 customer segments"), ([], "nothing in it had a chance")],
)
def test_a_call_without_a_score_says_what_it_lacks(turns: list[str], why: str) -> None:
    view = view_call(call("c", *(turns or ["agent", "agent", "agent", "customer", "customer"])), RUBRIC, masked=True)

    assert view.arithmetic == (f"No score: {why}.",)

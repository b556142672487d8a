"""What a receipt carries, and what run.json makes of it."""

import json

from runs import BAD, GOOD, RUBRIC, call

from scorer.scoring.aggregate import score_call
from scorer.totals import Totals, totals_of


def test_a_receipt_names_the_rules_and_run_json_says_what_they_mean() -> None:
    totals, bad = Totals(), score_call(call("bad", *BAD), RUBRIC)
    for found in (call("good", *GOOD), call("bad", *BAD)):
        totals.add(found.call, score_call(found, RUBRIC))

    receipt = json.dumps(totals.counts())
    back = totals_of(json.loads(receipt))

    assert bad.flags and not any(flag.reason in receipt for flag in bad.flags)
    assert back.summary(RUBRIC) == totals.summary(RUBRIC)
    assert back.summary(RUBRIC)["flagged"] == [
        {
            "call_id": "bad",
            "score": bad.score,
            "band": bad.band,
            "flags": [{"rule": flag.rule, "severity": flag.severity, "reason": flag.reason} for flag in bad.flags],
        }
    ]

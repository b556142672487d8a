"""Is one model better than another on the same calls? The difference in F1, with a paired bootstrap over calls."""

from typing import Any

from scorer.training.judge import Bools, Ints
from scorer.training.metrics import Draws, f1, f1_samples


def compare(ours: Bools, theirs: Bools, truth: Bools, calls: Ints, draws: Draws) -> dict[str, Any]:
    """F1 of both, the difference (ours - theirs) and its interval; the same calls are drawn for both in every round.

    `verdict` is worse or better where the whole interval lies on that side of 0, else unclear.
    Source: Berg-Kirkpatrick et al. 2012, "An Empirical Investigation of Statistical Significance in NLP".
    """
    low, high = draws.interval(f1_samples(ours, truth, calls, draws) - f1_samples(theirs, truth, calls, draws))
    verdict = "worse" if high < 0 else "better" if low > 0 else "unclear"
    mine, other = f1(ours, truth), f1(theirs, truth)
    return {"f1": mine, "released_f1": other, "difference": mine - other, "interval": (low, high), "verdict": verdict}

"""How good are answers, which are better, and how sure is that? Plain numbers, and bootstrap intervals that draw whole calls."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.metrics import average_precision_score

from scorer.training.judge import Bools, Floats, Ints

BINS = 10
SORTED_ROUNDS = 200  # of a bootstrap whose measure sorts anew in every round


@dataclass(frozen=True, slots=True)
class Draws:
    """How often each call is drawn in each round of a bootstrap: int array of shape (rounds, calls).

    Calls are drawn, not segments: the segments of one call stand or fall together. The same draws serve two models on
    the same calls, which makes their comparison a paired one. Source: Efron and Tibshirani 1993, chapter 8.
    """

    counts: npt.NDArray[np.int64]
    confidence: float

    def interval(self, samples: Floats) -> tuple[float, float]:
        """The middle `confidence` of the samples."""
        outside = (1 - self.confidence) / 2
        low, high = np.quantile(samples, [outside, 1 - outside])
        return float(low), float(high)


def draw_calls(calls: int, *, rounds: int, confidence: float, seed: int) -> Draws:
    """Draws with replacement, as many calls as there are."""
    rng = np.random.default_rng(seed)
    return Draws(rng.multinomial(calls, np.full(calls, 1 / calls), size=rounds), confidence)


def f1(given: Bools, truth: Bools) -> float:
    """Harmonic mean of precision and recall, 0 where nothing was found."""
    right = np.sum(given & truth)
    return float(2 * right / (np.sum(given) + np.sum(truth))) if right else 0.0


def label_numbers(probabilities: Floats, truth: Bools, threshold: float) -> dict[str, Any]:
    """Precision, recall, F1 at the threshold; average precision and expected calibration error without one."""
    given = probabilities >= threshold
    right, said, true = int(np.sum(given & truth)), int(np.sum(given)), int(np.sum(truth))
    return {
        "threshold": threshold,
        "precision": right / said if said else 0.0,
        "recall": right / true if true else 0.0,
        "f1": f1(given, truth),
        "average_precision": float(average_precision_score(truth, probabilities)) if true else 0.0,
        "calibration_error": calibration_error(probabilities, truth),
        "segments": len(truth),
        "positives": true,
    }


def intervals(probabilities: Floats, truth: Bools, calls: Ints, *, threshold: float, draws: Draws) -> dict[str, tuple[float, float]]:
    """Bootstrap intervals of precision, recall, F1 and average precision."""
    given = probabilities >= threshold
    right, said, true = _sums(given, truth, calls, draws)
    weights = draws.counts[:SORTED_ROUNDS, calls]
    precise = [average_precision_score(truth, probabilities, sample_weight=row) for row in weights if truth[row > 0].any()]
    return {
        "precision": draws.interval(_ratio(right, said)),
        "recall": draws.interval(_ratio(right, true)),
        "f1": draws.interval(_ratio(2 * right, said + true)),
        "average_precision": draws.interval(np.array(precise or [0.0])),
    }


def f1_samples(given: Bools, truth: Bools, calls: Ints, draws: Draws) -> Floats:
    """F1 in every round: float array of shape (rounds,)."""
    right, said, true = _sums(given, truth, calls, draws)
    return _ratio(2 * right, said + true)


def compare(ours: Bools, theirs: Bools, truth: Bools, calls: Ints, draws: Draws) -> dict[str, Any]:
    """F1 of both, the difference (ours - theirs) and its interval; the same calls are drawn for both in every round.

    `verdict` is worse or better where the whole interval lies on that side of 0, equal where every round gives 0, else unclear.
    Source: Berg-Kirkpatrick et al. 2012, "An Empirical Investigation of Statistical Significance in NLP".
    """
    low, high = draws.interval(f1_samples(ours, truth, calls, draws) - f1_samples(theirs, truth, calls, draws))
    verdict = "worse" if high < 0 else "better" if low > 0 else "equal" if low == high == 0 else "unclear"
    mine, other = f1(ours, truth), f1(theirs, truth)
    return {"f1": mine, "released_f1": other, "difference": mine - other, "interval": (low, high), "verdict": verdict}


def calibration_error(probabilities: Floats, truth: Bools) -> float:
    """Expected calibration error over ten equal bins, 0 to 1. Source: Guo et al. 2017, arXiv:1706.04599."""
    gaps = [abs(said - happened) * count for said, happened, count in calibration_curve(probabilities, truth)]
    return float(sum(gaps) / len(probabilities)) if len(probabilities) else 0.0


def calibration_curve(probabilities: Floats, truth: Bools) -> list[tuple[float, float, int]]:
    """Mean probability, share that was true, number of segments, for each of ten equal bins that is not empty."""
    at = np.minimum((probabilities * BINS).astype(int), BINS - 1)
    filled = [b for b in range(BINS) if np.any(at == b)]
    return [(float(np.mean(probabilities[at == b])), float(np.mean(truth[at == b])), int(np.sum(at == b))) for b in filled]


def _sums(given: Bools, truth: Bools, calls: Ints, draws: Draws) -> tuple[Floats, Floats, Floats]:
    """Right answers, answers given and labels there, each of shape (rounds,)."""
    size = draws.counts.shape[1]
    per_call = [np.bincount(calls[mask], minlength=size) for mask in (given & truth, given, truth)]
    right, said, true = (np.asarray(draws.counts @ counts, dtype=np.float64) for counts in per_call)
    return right, said, true


def _ratio(part: Floats, whole: Floats) -> Floats:
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)

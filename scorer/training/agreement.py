"""Would the scores and flags of a call be the same if a person had labelled it? Agreement at the level that people see."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.stats import spearmanr

from scorer.classify.model import SegmentModel
from scorer.classify.predict import predict
from scorer.classify.timing import time_segments
from scorer.labels import Label
from scorer.records import CallScore, JudgedCall, SegmentPrediction
from scorer.scoring.aggregate import score_call
from scorer.scoring.rubric import Rubric
from scorer.training.corpus import LabelledCall, is_whole
from scorer.training.judge import BATCH_TOKENS
from scorer.training.metrics import SORTED_ROUNDS, Draws
from scorer.training.settings import TrainingConfig


def call_agreement(
    calls: Sequence[LabelledCall], model: SegmentModel, rubric: Rubric, *, config: TrainingConfig, draws: Draws
) -> dict[str, Any]:
    """Scores and flags from the model's labels beside those from the true labels.

    `rank_correlation` is Spearman's, over the calls that both score, with a bootstrap interval by call. Calls that are judged only in
    part have no true score and are left out.
    """
    maker = model.maker(config.window_tokens, config.context_tokens)
    whole = {at: x for at, x in enumerate(calls) if is_whole(x, model.labels)}
    judged = predict([x.call for x in whole.values()], model, maker, batch_tokens=BATCH_TOKENS)
    ours = [score_call(one, rubric) for one in judged]
    true = [score_call(as_labelled(x, model.labels), rubric) for x in whole.values()]
    pairs = zip(ours, true, whole, strict=True)
    both = [(a.score, b.score, at) for a, b, at in pairs if a.score is not None and b.score is not None]
    mine, theirs = np.array([a for a, _, _ in both]), np.array([b for _, b, _ in both])
    return {
        "calls": len(whole),
        "scored_by_both": len(both),
        "rank_correlation": _rank_correlation(mine, theirs),
        "rank_correlation_interval": _interval(mine, theirs, np.array([at for _, _, at in both], dtype=int), draws),
        "mean_score_difference": float(np.mean(np.abs(mine - theirs))) if both else None,
        "same_band": sum(a.band == b.band for a, b in zip(ours, true, strict=True)) / len(whole) if whole else None,
        "scores": [[float(a), float(b)] for a, b, _ in both],
        "flagged_calls": _overlap({a.call_id for a in ours if a.flags}, {b.call_id for b in true if b.flags}),
        "flags": _overlap(_rules(ours), _rules(true)),
    }


def as_labelled(labelled: LabelledCall, labels: Sequence[Label]) -> JudgedCall:
    """The call as if the model had said just what the person said, with full certainty."""
    predictions = []
    for segment, timing, given in zip(labelled.call.segments, time_segments(labelled.call.segments), labelled.labels, strict=True):
        certain = {x.name: float(x.name in given) for x in labels if x.party == segment.speaker}
        predictions.append(SegmentPrediction(certain, given & certain.keys(), timing.overlap_s, timing.tier))
    return JudgedCall(labelled.call, tuple(predictions))


def _rules(scores: Sequence[CallScore]) -> set[tuple[str, str]]:
    return {(score.call_id, flag.rule) for score in scores for flag in score.flags}


def _overlap(ours: set[Any], true: set[Any]) -> dict[str, Any]:
    right = len(ours & true)
    return {
        "precision": right / len(ours) if ours else None,
        "recall": right / len(true) if true else None,
        "model": len(ours),
        "truth": len(true),
    }


def _rank_correlation(mine: Any, theirs: Any) -> float | None:
    """None where there is nothing to rank."""
    if len(mine) < 3 or len(set(mine)) < 2 or len(set(theirs)) < 2:
        return None
    return float(spearmanr(mine, theirs).statistic)


def _interval(mine: Any, theirs: Any, places: Any, draws: Draws) -> tuple[float, float] | None:
    samples = []
    for counts in draws.counts[:SORTED_ROUNDS]:
        times = counts[places]
        value = _rank_correlation(np.repeat(mine, times), np.repeat(theirs, times))
        if value is not None:
            samples.append(value)
    return draws.interval(np.array(samples)) if samples else None

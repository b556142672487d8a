"""How far does one get without a neural network? Two baselines on the same calls, with thresholds from the same held-out calls."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix, hstack
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from scorer.classify.timing import time_segments
from scorer.classify.windows import timing_name
from scorer.labels import Label
from scorer.training.calibrate import fit_threshold
from scorer.training.corpus import LabelledCall
from scorer.training.judge import Bools, judged_places
from scorer.training.metrics import f1

PHRASES = 40  # in the lexicon, per label
LEAST_ROWS = 5  # that hold a phrase of the lexicon, or that the regression learns from


@dataclass(frozen=True, slots=True)
class Row:
    """A segment as the baselines see it: its words, the words before it, its timing marker, whether it carries the label."""

    text: str
    before: str
    timing: str
    truth: bool


def rows_of(calls: Sequence[LabelledCall], label: Label) -> list[Row]:
    """The segments that can carry the label and were judged, in order: those of `judge_labelled`."""
    rows = []
    for labelled in calls:
        segments = labelled.call.segments
        timings = time_segments(segments)
        for at in judged_places(labelled, label):
            before = segments[at - 1].text if at else ""
            rows.append(Row(segments[at].text, before, timing_name(segments[at], timings[at]), label.name in labelled.labels[at]))
    return rows


def lexicon_hits(train: Sequence[Row], dev: Sequence[Row]) -> tuple[Bools, list[str]]:
    """Which rows of `dev` hold one of these phrases, and the phrases.

    Phrases of one to three words that are chosen greedily, each for the F1 that it adds on `train`; none where no words come often enough.
    """
    vectors = CountVectorizer(ngram_range=(1, 3), min_df=LEAST_ROWS, binary=True, token_pattern=r"[\w']+")
    try:
        matrix = vectors.fit_transform([row.text for row in train]).tocsc()
    except ValueError:  # no words that so many rows hold
        return np.zeros(len(dev), dtype=bool), []
    if not dev:
        return np.zeros(0, dtype=bool), []
    truth = truth_of(train)
    found = np.zeros(len(train), dtype=bool)
    chosen: list[int] = []
    for _ in range(PHRASES):
        best = _best_phrase(matrix, truth, found)
        if best is None:
            break
        chosen.append(best)
        found |= matrix[:, [best]].toarray().ravel() > 0
    hits = np.asarray(vectors.transform([row.text for row in dev])[:, chosen].sum(axis=1)).ravel() > 0
    return hits, [str(vectors.get_feature_names_out()[at]) for at in chosen]


def _best_phrase(matrix: csr_matrix, truth: Bools, found: Bools) -> int | None:
    """The column that raises F1 most when added to what is found, or None where none does."""
    open_rows = (~found).astype(float)
    right = np.sum(found & truth) + matrix.T @ (open_rows * truth)
    given = np.sum(found) + matrix.T @ open_rows
    scores = 2 * right / (given + np.sum(truth))
    best = int(np.argmax(scores))
    return best if scores[best] > f1(found, truth) + 1e-9 else None


def tfidf_f1(train: Sequence[Row], held_out: Sequence[Row], dev: Sequence[Row], seed: int) -> float | None:
    """F1 on `dev` of logistic regression over TF-IDF of the words, of the words before, and the timing marker.

    None where there is too little to learn from (few rows, all with or all without the label, no word twice) or nothing to test on.
    """
    if len(train) < LEAST_ROWS or len(set(truth_of(train).tolist())) < 2 or not held_out or not dev:
        return None
    own = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True, token_pattern=r"[\w']+|[-?.,]")
    before = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True, token_pattern=r"[\w']+|[-?.,]")
    clock = CountVectorizer(token_pattern=r"\w+")
    columns = [(own, "text"), (before, "before"), (clock, "timing")]

    def features(rows: Sequence[Row], fit: bool = False) -> csr_matrix:
        parts = [(v.fit_transform if fit else v.transform)([getattr(row, name) for row in rows]) for v, name in columns]
        return hstack(parts).tocsr()

    model = LogisticRegression(C=10.0, max_iter=1000, class_weight="balanced", random_state=seed)
    try:
        learnt = features(train, fit=True)
    except ValueError:  # no word comes twice
        return None
    model.fit(learnt, truth_of(train))
    threshold = fit_threshold(model.predict_proba(features(held_out))[:, 1], truth_of(held_out))
    return f1(model.predict_proba(features(dev))[:, 1] >= threshold, truth_of(dev))


def truth_of(rows: Sequence[Row]) -> Bools:
    """Which rows carry the label."""
    return np.array([row.truth for row in rows], dtype=bool)

"""Calls in, predictions out: the forward pass over many calls at once, results in the order of the calls."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice

import torch
from torch import Tensor

from scorer.classify.decide import decide
from scorer.classify.encoder import piece_logits
from scorer.classify.model import SegmentModel
from scorer.classify.timing import time_segments
from scorer.classify.tokens import WindowMaker
from scorer.classify.windows import Window
from scorer.records import Call, JudgedCall

CALLS_AT_ONCE = 256  # windows of so many calls are sorted by length together; bounds the memory


def predict(calls: Iterable[Call], model: SegmentModel, maker: WindowMaker, *, batch_tokens: int) -> Iterator[JudgedCall]:
    """Judge every call, in the order given. A call's result does not depend on the calls beside it."""
    waiting = iter(calls)
    while group := list(islice(waiting, CALLS_AT_ONCE)):
        for call, logits in zip(group, call_logits(group, model, maker, batch_tokens=batch_tokens), strict=True):
            yield judge(call, logits, model)


def judge(call: Call, logits: Tensor, model: SegmentModel) -> JudgedCall:
    """Decide the labels of every segment from logits of shape (segments, labels)."""
    timings = time_segments(call.segments)
    rows = logits.tolist()
    predictions = tuple(
        decide(segment, timing, row, labels=model.labels, decisions=model.decisions)
        for segment, timing, row in zip(call.segments, timings, rows, strict=True)
    )
    return JudgedCall(call, predictions)


def call_logits(calls: Sequence[Call], model: SegmentModel, maker: WindowMaker, *, batch_tokens: int) -> list[Tensor]:
    """Logits per call, float32 of shape (segments, labels); pieces of a split segment are joined by maximum."""
    answers = [torch.full((len(call.segments), len(model.labels)), -torch.inf) for call in calls]
    queue = [(at, window) for at, call in enumerate(calls) for window in maker.windows(call.segments)]
    queue.sort(key=lambda item: len(item[1].token_ids), reverse=True)  # longest first: running out of memory shows at once
    for batch in batches(queue, batch_tokens):
        with torch.inference_mode(), _hungry():
            logits = piece_logits(model.network, [window for _, window in batch], pad_id=model.pad_id).cpu()
        places = [(at, span[0]) for at, window in batch for span in window.spans]
        for row, (at, segment) in zip(logits, places, strict=True):
            answers[at][segment] = torch.maximum(answers[at][segment], row)
    return answers


@contextmanager
def _hungry() -> Iterator[None]:
    """Turn what torch raises on want of memory, a RuntimeError on the CPU, into what Python raises."""
    try:
        yield
    except RuntimeError as error:
        if "memory" in str(error):
            raise MemoryError from error
        raise


def batches(queue: Sequence[tuple[int, Window]], batch_tokens: int) -> Iterator[Sequence[tuple[int, Window]]]:
    """Runs of windows, sorted longest first, that are at most `batch_tokens` tokens with padding (at least one window)."""
    start = 0
    while start < len(queue):
        size = max(1, batch_tokens // len(queue[start][1].token_ids))
        yield queue[start : start + size]
        start += size

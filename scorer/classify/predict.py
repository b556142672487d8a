"""Calls in, predictions out: the forward pass over many calls at once, results in the order of the calls."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from itertools import accumulate

import numpy as np
import torch
from torch import Tensor

from scorer.classify.decide import decide
from scorer.classify.model import SegmentModel
from scorer.classify.reading import Precision, Reading, reading_of
from scorer.classify.timing import time_segments
from scorer.classify.tokens import WindowMaker
from scorer.classify.windows import Window
from scorer.errors import ModelError
from scorer.records import Call, JudgedCall

SEGMENTS_AT_ONCE = 2000  # the calls of about so many segments are a group: their windows are made, and on a GPU sorted, together
CHARACTERS_AT_ONCE = 1_000_000  # or of about so many characters, where segments are long
GROUPS_AHEAD = 2  # that are made while one is read; with the groups' size it bounds the memory

Batch = Sequence[tuple[int, Window]]  # windows, each with its call's place in the group
Started = tuple[Sequence[Call], list[tuple[Batch, Future[Tensor]]]]


def predict(
    calls: Iterable[Call], model: SegmentModel, maker: WindowMaker, *, batch_tokens: int, precision: Precision = "float32"
) -> Iterator[JudgedCall]:
    """Judge every call, in the order given. A call's result does not depend on the calls beside it, but for the last bits on a GPU."""
    for call, logits in _read(calls, maker, reading_of(model, batch_tokens, precision), labels=len(model.labels)):
        yield judge(call, logits, model)


def call_logits(calls: Sequence[Call], model: SegmentModel, maker: WindowMaker, *, batch_tokens: int) -> list[Tensor]:
    """Logits per call, float32 of shape (segments, labels); pieces of a split segment are joined by maximum."""
    return [logits for _, logits in _read(calls, maker, reading_of(model, batch_tokens), labels=len(model.labels))]


def judge(call: Call, logits: Tensor, model: SegmentModel) -> JudgedCall:
    """Decide the labels of every segment from logits of shape (segments, labels)."""
    timings = time_segments(call.segments)
    return JudgedCall(call, decide(call.segments, timings, logits.numpy(), labels=model.labels, decisions=model.decisions))


def batches(queue: Batch, batch_tokens: int) -> Iterator[Batch]:
    """Runs of windows, sorted longest first, that are at most `batch_tokens` tokens with padding (at least one window)."""
    start = 0
    while start < len(queue):
        size = max(1, batch_tokens // len(queue[start][1].token_ids))
        yield queue[start : start + size]
        start += size


def _read(calls: Iterable[Call], maker: WindowMaker, reading: Reading, *, labels: int) -> Iterator[tuple[Call, Tensor]]:
    """Every call with its logits. Windows are made, and what is yielded is used, while others are being read."""
    started: deque[Started] = deque()
    with reading.threads() as threads:
        for group in _groups(calls):
            started.append(_start(group, maker, reading, threads=threads))
            if len(started) > GROUPS_AHEAD:
                yield from _finish(*started.popleft(), labels=labels)
        while started:
            yield from _finish(*started.popleft(), labels=labels)


def _groups(calls: Iterable[Call]) -> Iterator[list[Call]]:
    group: list[Call] = []
    segments = characters = 0
    for call in calls:
        group.append(call)
        segments += len(call.segments)
        characters += call.characters
        if segments >= SEGMENTS_AT_ONCE or characters >= CHARACTERS_AT_ONCE:
            yield group
            group, segments, characters = [], 0, 0
    if group:
        yield group


def _start(group: Sequence[Call], maker: WindowMaker, reading: Reading, *, threads: Executor) -> Started:
    queue = [(at, window) for at, call in enumerate(group) for window in maker.windows(call.segments)]
    queue.sort(key=lambda item: len(item[1].token_ids), reverse=True)  # longest first: running out of memory shows at once
    found = batches(queue, reading.batch_tokens)
    return group, [(batch, threads.submit(_answer, reading, [window for _, window in batch])) for batch in found]


def _finish(group: Sequence[Call], answers: Sequence[tuple[Batch, Future[Tensor]]], *, labels: int) -> Iterator[tuple[Call, Tensor]]:
    sizes = [len(call.segments) for call in group]
    starts = [0, *accumulate(sizes)]
    found = np.full((sum(sizes), labels), -np.inf, dtype=np.float32)
    for batch, answer in answers:
        places = [starts[at] + segment for at, window in batch for segment, _, _ in window.spans]
        rows = answer.result().numpy().reshape(len(places), labels)  # raises on any other number: `at` would repeat a single row
        np.maximum.at(found, places, rows)  # a long segment has several answers
    if np.isnan(found).any():
        raise ModelError("the model's answer is not a number: with bfloat16, try float32; else its weights are broken, take another model")
    yield from zip(group, torch.split(torch.from_numpy(found), sizes), strict=True)


def _answer(reading: Reading, windows: Sequence[Window]) -> Tensor:
    with torch.inference_mode(), _hungry():
        return reading.answer(windows).cpu()


@contextmanager
def _hungry() -> Iterator[None]:
    """Turn what torch raises on want of memory, a RuntimeError on the CPU, into what Python raises."""
    try:
        yield
    except RuntimeError as error:
        if "memory" in str(error):
            raise MemoryError from error
        raise

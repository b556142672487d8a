"""How does this machine read windows: how many at once, on how many cores?"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from scorer.classify.cores import usable_cores
from scorer.classify.encoder import piece_logits
from scorer.classify.model import SegmentModel
from scorer.classify.windows import Window


@dataclass(frozen=True, slots=True)
class Reading:
    """A way to read: `answer` gives the logits of a batch's pieces, float32 (pieces, labels), and may be asked by `workers` at once.

    A batch holds at most `batch_tokens` with padding, and at least one window.
    """

    answer: Callable[[Sequence[Window]], Tensor]
    batch_tokens: int
    workers: int

    @contextmanager
    def threads(self) -> Iterator[Executor]:
        """The workers. While they last, torch spreads no product over cores: the windows are spread."""
        before = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            with ThreadPoolExecutor(self.workers) as threads:
                try:
                    yield threads
                finally:
                    threads.shutdown(cancel_futures=True)
        finally:
            torch.set_num_threads(before)


def reading_of(model: SegmentModel, batch_tokens: int) -> Reading:
    """On a GPU batches of `batch_tokens`. On the CPU every core reads one window at a time, without padding.

    That is as fast as batches there, and what is read beside a window cannot change the last bits of its answer.
    """
    answer = partial(piece_logits, model.network, pad_id=model.pad_id)
    if next(model.network.parameters()).device.type == "cpu":
        return Reading(answer, 1, _cores())
    return Reading(answer, batch_tokens, 1)


def _cores() -> int:
    """The cores for this process: a worker beside others was given fewer threads than there are cores."""
    return min(usable_cores(), torch.get_num_threads())

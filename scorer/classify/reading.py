"""How does this machine read windows: how many at once, on how many cores?"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Literal

import torch
from torch import Tensor

from scorer.classify.cores import usable_cores
from scorer.classify.encoder import piece_logits
from scorer.classify.model import SegmentModel
from scorer.classify.windows import Window
from scorer.errors import count_of

Precision = Literal["float32", "bfloat16"]


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


def reading_of(model: SegmentModel, batch_tokens: int, precision: Precision = "float32") -> Reading:
    """On a GPU batches of `batch_tokens`. On the CPU every core reads one window at a time, without padding.

    That is as fast as batches there, and what is read beside a window cannot change the last bits of its answer.
    """
    device = next(model.network.parameters()).device.type
    answer = partial(_logits, model, device=device, precision=precision)
    return Reading(answer, 1, _cores()) if device == "cpu" else Reading(answer, batch_tokens, 1)


def told_place() -> str:
    """Where this process reads, in words; without a GPU also which build of torch found none."""
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    return f"{count_of(usable_cores(), 'CPU core')}: torch {torch.__version__} finds no GPU"


def _logits(model: SegmentModel, windows: Sequence[Window], *, device: str, precision: Precision) -> Tensor:
    """In bfloat16 only the matrix products are rounded; torch says which. It must be asked in the thread that reads."""
    with torch.autocast(device, torch.bfloat16, enabled=precision == "bfloat16"):
        return piece_logits(model.network, windows, pad_id=model.pad_id)


def _cores() -> int:
    """The cores for this process: a worker beside others was given fewer threads than there are cores."""
    return min(usable_cores(), torch.get_num_threads())

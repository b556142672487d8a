"""How does this machine read windows: with which arithmetic, how many at once, on how many cores?"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache, partial

import torch
from torch import Tensor

from scorer.classify.bert import Bert, exactly, is_bert
from scorer.classify.cores import usable_cores
from scorer.classify.eightbit import eight_bit_bert, has_eight_bits
from scorer.classify.encoder import piece_logits, pool
from scorer.classify.model import SegmentModel
from scorer.classify.windows import SPEAKER_MARKERS, Window

DOUBT = 0.05  # an 8 bit probability so near to its threshold is not believed; on 22,000 it was off by at most 0.045 near one


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
        """The workers. Where there are several, no product is spread over cores while they last: the windows are."""
        before = torch.get_num_threads()
        torch.set_num_threads(max(1, _cores() // self.workers))
        try:
            with ThreadPoolExecutor(self.workers) as threads:
                try:
                    yield threads
                finally:
                    threads.shutdown(cancel_futures=True)
        finally:
            torch.set_num_threads(before)


def exact_reading(model: SegmentModel, batch_tokens: int) -> Reading:
    """In float32. On the CPU a window is read alone, by one core: what is read beside it cannot change the last bits of its answer."""
    if not _by_core(model):
        return Reading(partial(piece_logits, model.network, pad_id=model.pad_id), batch_tokens, 1)
    return Reading(_alone(Bert(model.network, exactly)), 1, _cores())


@lru_cache(maxsize=1)  # a night predicts once per shard
def quick_reading(model: SegmentModel, batch_tokens: int) -> Reading:
    """In 8 bits where the CPU is made for it, and once more in float32 where that leaves a label in doubt; else as exact_reading."""
    exact = exact_reading(model, batch_tokens)
    if not _by_core(model) or not has_eight_bits():
        return exact
    rough, doubts = _alone(eight_bit_bert(model.network)), _doubts(model)

    def answer(windows: Sequence[Window]) -> Tensor:
        logits = rough(windows)
        return exact.answer(windows) if doubts(windows[0], logits) else logits

    return Reading(answer, 1, exact.workers)


def _cores() -> int:
    """The cores for this process: a worker beside others was given fewer threads than there are cores."""
    return min(usable_cores(), torch.get_num_threads())


def _by_core(model: SegmentModel) -> bool:
    return is_bert(model.network) and next(model.network.parameters()).device.type == "cpu"


def _alone(bert: Bert) -> Callable[[Sequence[Window]], Tensor]:
    return lambda windows: torch.cat([pool(bert(window.token_ids).unsqueeze(0), [window]) for window in windows])


def _doubts(model: SegmentModel) -> Callable[[Window, Tensor], bool]:
    """Whether some label of a window would need a closer look; only labels of the segment's own party count."""
    temperatures = torch.tensor([decision.temperature for decision in model.decisions])
    thresholds = torch.tensor([decision.threshold for decision in model.decisions])
    parties = torch.tensor([model.tokenizer.convert_tokens_to_ids(SPEAKER_MARKERS[label.party]) for label in model.labels])

    def doubts(window: Window, logits: Tensor) -> bool:
        speakers = torch.tensor([window.token_ids[start] for _, start, _ in window.spans])
        near = (torch.sigmoid(logits / temperatures) - thresholds).abs() < DOUBT
        return bool((near & (speakers.unsqueeze(1) == parties)).any())

    return doubts

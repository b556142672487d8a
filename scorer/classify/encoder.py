"""How do windows become one row of logits per segment? The only arithmetic on top of a stock token classifier."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from scorer.classify.windows import MARKERS_PER_SEGMENT, Window


def pad(windows: Sequence[Window], pad_id: int) -> tuple[Tensor, Tensor]:
    """Token ids and attention mask, both of shape (windows, longest window)."""
    longest = max(len(window.token_ids) for window in windows)
    ids = torch.full((len(windows), longest), pad_id, dtype=torch.long)
    mask = torch.zeros((len(windows), longest), dtype=torch.long)
    for row, window in enumerate(windows):
        ids[row, : len(window.token_ids)] = torch.tensor(window.token_ids)
        mask[row, : len(window.token_ids)] = 1
    return ids, mask


def piece_logits(model: Any, windows: Sequence[Window], *, pad_id: int) -> Tensor:
    """Score every label for every answered piece: float32 (pieces, labels), windows and their spans in the order given.

    The head's answers at the two markers and at the words are averaged separately and added: the clock lives in the markers,
    the words in the mean. The head is linear, so this equals pooling the hidden states.
    Source: sequential sentence classification, arXiv:1909.04054.
    """
    ids, mask = pad(windows, pad_id)
    device = next(model.parameters()).device
    tokens = model(input_ids=ids.to(device), attention_mask=mask.to(device)).logits.float()
    sums = torch.nn.functional.pad(tokens.cumsum(dim=1), (0, 0, 1, 0))
    rows, starts, ends = _places(windows, tokens.device)
    words_from = starts + MARKERS_PER_SEGMENT
    markers = (sums[rows, words_from] - sums[rows, starts]) / MARKERS_PER_SEGMENT
    words = (sums[rows, ends] - sums[rows, words_from]) / (ends - words_from).clamp(min=1).unsqueeze(1)
    return markers + words


def _places(windows: Sequence[Window], device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    places = [(row, start, end) for row, window in enumerate(windows) for _, start, end in window.spans]
    rows, starts, ends = torch.tensor(places, device=device).T
    return rows, starts, ends

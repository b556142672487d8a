"""How is a matrix product done in 8 bits, and where must it not be?"""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import linear

from scorer.classify.bert import Bert, Linear

LOUD = 8  # input channels per product that stay in float32
TINY = 1e-12  # keeps the step of a token, or of an output, whose values are all the same above 0


def has_eight_bits() -> bool:
    """Whether this CPU multiplies 8 bit integers fast and without overflow (VNNI)."""
    return bool(torch.cpu._is_vnni_supported())


def eight_bit_bert(network: Any) -> Bert:
    """The network with its layers' products in 8 bits: about four times faster, and off by some hundredths of a logit."""
    loudness = _loudness(network)
    return Bert(network, lambda weight, bias: EightBit(weight, bias, loud=next(loudness).topk(min(LOUD, weight.shape[1] // 4)).indices))


class EightBit:
    """A matrix product whose integer sums are exact, so that a token's answer does not depend on the tokens beside it.

    Each token is laid out on 256 steps between its own lowest and highest value, each output's weights on 255 around 0.
    A few channels are far louder than all others; on them the steps would be lost, so they are left out and added in float32
    (the idea is that of LLM.int8, arXiv:2208.07339).
    """

    def __init__(self, weight: Tensor, bias: Tensor, *, loud: Tensor) -> None:
        self._loud = loud
        self._quiet = torch.ones(weight.shape[1]).index_fill_(0, loud, 0.0)
        weights = weight * self._quiet
        self._steps = (weights.abs().amax(1) / 127).clamp(min=TINY)
        whole = (weights / self._steps.unsqueeze(1)).round()
        self._weight = torch.ops.onednn.qlinear_prepack(whole.to(torch.int8), None)
        self._zeros = torch.zeros(len(bias), dtype=torch.int32)
        self._rest = torch.cat((weight[:, loud].T, torch.stack((whole.sum(1) * self._steps, bias))))  # (loud + 2, out)

    def __call__(self, hidden: Tensor) -> Tensor:
        quiet = hidden * self._quiet
        lowest = quiet.amin(1, keepdim=True)
        step = (quiet.amax(1, keepdim=True) - lowest).div_(255).clamp_(min=TINY)
        bits = quiet.div_(step).sub_(lowest / step + 128).round_().to(torch.int8).view(torch.uint8).bitwise_xor_(128)  # 0 to 255
        sums: Tensor = torch.ops.onednn.qlinear_pointwise(
            bits, 1.0, 0, self._weight, self._steps, self._zeros, None, 1.0, 0, torch.float32, "none", [], ""
        )
        return sums.mul_(step).addmm_(torch.cat((hidden[:, self._loud], lowest, torch.ones_like(lowest)), 1), self._rest)


def _loudness(network: Any) -> Iterator[Tensor]:
    """The highest value on every input channel of every product, in the order of `Bert`, for words from all over the vocabulary."""
    found: list[Tensor] = []

    def listening(weight: Tensor, bias: Tensor) -> Linear:
        at = len(found)
        found.append(torch.zeros(weight.shape[1]))

        def listen(hidden: Tensor) -> Tensor:
            found[at] = torch.maximum(found[at], hidden.abs().amax(0))
            return linear(hidden, weight, bias)

        return listen

    bert = Bert(network, listening)
    words = torch.linspace(0, network.config.vocab_size - 1, network.config.max_position_embeddings).long()
    with torch.inference_mode():
        bert(words.tolist())
    return iter(found)

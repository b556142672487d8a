"""What does BERT answer for one window on one core? The arithmetic of the stock network, laid out for a CPU."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import gelu, layer_norm, linear, scaled_dot_product_attention

Linear = Callable[[Tensor], Tensor]  # (tokens, in) to (tokens, out)
MakeLinear = Callable[[Tensor, Tensor], Linear]  # from weight (out, in) and bias
ROWS = 256  # tokens that go through a layer together: all that they become on the way stays in the core's cache
LENGTH_STEP = 16  # windows are filled up to a multiple: kernels are built, and kept, per length


@dataclass(frozen=True, slots=True)
class Norm:
    """A layer norm."""

    weight: Tensor
    bias: Tensor
    epsilon: float

    def __call__(self, hidden: Tensor) -> Tensor:
        return layer_norm(hidden, self.weight.shape, self.weight, self.bias, self.epsilon)


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer of the encoder: its four matrix products and two norms."""

    ask: Linear  # queries, keys and values in one
    merge: Linear
    merged: Norm
    widen: Linear
    narrow: Linear
    narrowed: Norm

    def think(self, hidden: Tensor, seen: Tensor) -> Tensor:
        """What becomes of tokens by what they have seen of the others."""
        merged = self.merged(self.merge(seen).add_(hidden))
        return self.narrowed(self.narrow(gelu(self.widen(merged))).add_(merged))


class Bert:
    """A BERT token classifier that reads one window at a time, so that an answer cannot depend on the windows beside it.

    `make` says how a matrix product is done: `exactly`, or in 8 bits (see eightbit.py).
    """

    def __init__(self, network: Any, make: MakeLinear) -> None:
        stem = network.bert.embeddings
        self._words = stem.word_embeddings.weight.detach()
        self._places = (stem.position_embeddings.weight + stem.token_type_embeddings.weight[0]).detach()
        self._norm = _norm(stem.LayerNorm)
        self._heads = network.config.num_attention_heads
        self._layers = [_layer(layer, make) for layer in network.bert.encoder.layer]
        self._head = exactly(network.classifier.weight.detach(), network.classifier.bias.detach())

    def __call__(self, token_ids: Sequence[int]) -> Tensor:
        """The logits of every token: float32 (tokens, labels)."""
        count = len(token_ids)
        filled = min(-(-count // LENGTH_STEP) * LENGTH_STEP, len(self._places))
        ids = torch.zeros(filled, dtype=torch.long)
        ids[:count] = torch.tensor(token_ids)
        hidden = self._norm(self._words[ids] + self._places[:filled])
        for layer in self._layers:
            seen = self._attention(torch.cat([layer.ask(rows) for rows in torch.split(hidden, ROWS)]), count)
            hidden = torch.cat([layer.think(*rows) for rows in zip(torch.split(hidden, ROWS), torch.split(seen, ROWS), strict=True)])
        return self._head(hidden[:count])

    def _attention(self, asked: Tensor, count: int) -> Tensor:
        """Every token attends to the first `count`: what only fills up the window is seen by nobody."""
        filled, width = len(asked), asked.shape[1] // 3
        query, key, value = asked.view(1, filled, 3, self._heads, width // self._heads).permute(2, 0, 3, 1, 4)
        answer = scaled_dot_product_attention(query, key[:, :, :count], value[:, :, :count])
        return answer.transpose(1, 2).reshape(filled, width)


def exactly(weight: Tensor, bias: Tensor) -> Linear:
    """A matrix product in float32."""
    return lambda hidden: linear(hidden, weight, bias)


def is_bert(network: Any) -> bool:
    """Whether `Bert` does the arithmetic of this network."""
    config = network.config
    return config.model_type == "bert" and config.hidden_act == "gelu" and not config.is_decoder


def _layer(layer: Any, make: MakeLinear) -> Layer:
    asked = [layer.attention.self.query, layer.attention.self.key, layer.attention.self.value]
    return Layer(
        ask=make(torch.cat([part.weight.detach() for part in asked]), torch.cat([part.bias.detach() for part in asked])),
        merge=_made(layer.attention.output.dense, make),
        merged=_norm(layer.attention.output.LayerNorm),
        widen=_made(layer.intermediate.dense, make),
        narrow=_made(layer.output.dense, make),
        narrowed=_norm(layer.output.LayerNorm),
    )


def _made(part: Any, make: MakeLinear) -> Linear:
    return make(part.weight.detach(), part.bias.detach())


def _norm(part: Any) -> Norm:
    return Norm(part.weight.detach(), part.bias.detach(), part.eps)

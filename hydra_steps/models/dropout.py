"""Dropout whose mask is a function of each sample's key, so that a counterfactual run sees the same noise.

One class for each of PyTorch's: by elements, by channels, the form for self-normalising networks, random leaks, and
attention with dropout among its weights. All are the identity (or PyTorch's own evaluation) outside training.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from hydra_steps.errors import StudyError
from hydra_steps.models.keyed import keyed_uniform

_CALL_STREAM = 65_537  # a layer that is called again in one pass draws anew
_ALPHA = 1.7580993408473766  # where a unit of a self-normalising network saturates


class Keyed(nn.Module):
    """A layer that draws noise from ``keys`` [b] int64, which are set before each forward pass in training mode.

    ``stream`` tells the layers of a model apart.
    """

    stream: int = 0
    _keys: Tensor | None = None
    _calls: int = 0

    @property
    def keys(self) -> Tensor | None:
        """The samples' keys [b] of the pass that comes."""
        return self._keys

    @keys.setter
    def keys(self, keys: Tensor | None) -> None:
        self._keys, self._calls = keys, 0

    def uniform(self, samples: int, count: int) -> Tensor:
        """Uniform numbers in [0, 1) [b, count], other ones at each call of a pass.

        Raises :class:`StudyError` where the batch does not lie on the first axis.
        """
        if self.keys is None:
            raise RuntimeError("dropout needs its keys [b] before a forward pass in training mode")
        if samples != len(self.keys):
            raise StudyError(
                f"a dropout layer was given {samples} rows for a batch of {len(self.keys)} samples",
                "the samples on the first axis",
                "put the samples first (batch_first=True)",
            )
        stream = self.stream + _CALL_STREAM * self._calls
        self._calls += 1
        return keyed_uniform(self.keys, stream, count)

    def kept(self, x: Tensor, rate: float, count: int) -> Tensor:
        """Which of ``count`` numbers of each sample of x stay, [b, count] of x's type: 1 − ``rate`` of them."""
        return (self.uniform(len(x), count) >= rate).to(x.dtype)


class KeyedDropout(Keyed):
    """Inverted dropout of single numbers."""

    def __init__(self, rate: float, stream: int) -> None:
        super().__init__()
        self.rate, self.stream = rate, stream

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.rate == 0:
            return x
        kept = self.kept(x, self.rate, x[0].numel()).view(x.shape)
        return x * (kept / (1 - self.rate) if self.rate < 1 else kept)


class KeyedChannelDropout(KeyedDropout):
    """Inverted dropout of whole channels, the second axis."""

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.rate == 0:
            return x
        kept = self.kept(x, self.rate, x.shape[1]).view(*x.shape[:2], *[1] * (x.ndim - 2))
        return x * (kept / (1 - self.rate) if self.rate < 1 else kept)


class KeyedAlphaDropout(KeyedDropout):
    """Dropout that keeps mean and variance of a self-normalising network; ``channels``: of whole channels."""

    def __init__(self, rate: float, stream: int, channels: bool = False) -> None:
        super().__init__(rate, stream)
        self.channels = channels

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.rate == 0:
            return x
        factor, shift = self.drawn(x)
        return x * factor if self.rate == 1 else x * factor + shift

    def drawn(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """What x is multiplied by in training, and what is added."""
        shape = (*x.shape[:2], *[1] * (x.ndim - 2)) if self.channels else x.shape
        kept = self.kept(x, self.rate, math.prod(shape[1:])).view(shape)
        if self.rate == 1:
            return kept, torch.zeros_like(kept)
        scale = 1 / math.sqrt((_ALPHA**2 * self.rate + 1) * (1 - self.rate))
        return scale * kept, (_ALPHA * scale) * (kept - 1 + self.rate)


class KeyedLeaks(Keyed):
    """``nn.RReLU``: below 0 a random slope between ``lower`` and ``upper``, in evaluation their mean."""

    def __init__(self, lower: float, upper: float, stream: int) -> None:
        super().__init__()
        self.lower, self.upper, self.stream = lower, upper, stream

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return functional.leaky_relu(x, (self.lower + self.upper) / 2)
        uniform = self.uniform(len(x), x[0].numel()).view(x.shape).to(x.dtype)
        return torch.where(x < 0, x * (self.lower + (self.upper - self.lower) * uniform), x)


class KeyedAttention(nn.MultiheadAttention, Keyed):
    """``nn.MultiheadAttention`` with dropout among its weights; made of one by changing its class."""

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Tensor | None = None,
        need_weights: bool = True,
        attn_mask: Tensor | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """As ``nn.MultiheadAttention``, for queries, keys and values of three axes."""
        if not self.training or self.dropout == 0:
            return super().forward(
                query,
                key,
                value,
                key_padding_mask,
                need_weights,
                attn_mask,
                average_attn_weights,
                is_causal,
            )
        if not self.batch_first:
            query, key, value = (x.transpose(0, 1) for x in (query, key, value))
        q, k, v = (
            x.unflatten(-1, (self.num_heads, self.head_dim)).transpose(1, 2)
            for x in self._projected(query, key, value)
        )  # [b, heads, tokens, …]
        scores = q @ k.transpose(-2, -1) / math.sqrt(self.head_dim)
        for mask, axes in ((key_padding_mask, (1, 2)), (attn_mask, ())):
            if mask is not None:
                scores = scores + _added(mask, scores, axes)
        weights = scores.softmax(-1)
        kept = self.kept(query, self.dropout, weights[0].numel()).view(weights.shape)
        weights = weights * (kept / (1 - self.dropout) if self.dropout < 1 else kept)
        made: Tensor = self.out_proj((weights @ v).transpose(1, 2).flatten(2))
        shown = weights.mean(1) if average_attn_weights else weights
        return made if self.batch_first else made.transpose(0, 1), shown if need_weights else None

    def _projected(self, *inputs: Tensor) -> list[Tensor]:
        """Queries, keys and values before they are split into heads."""
        if self._qkv_same_embed_dim:
            matrices: Any = self.in_proj_weight.chunk(3)
        else:
            matrices = (self.q_proj_weight, self.k_proj_weight, self.v_proj_weight)
        biases: Any = (None,) * 3 if self.in_proj_bias is None else self.in_proj_bias.chunk(3)
        return [functional.linear(*parts) for parts in zip(inputs, matrices, biases, strict=True)]


def _added(mask: Tensor, scores: Tensor, axes: tuple[int, ...]) -> Tensor:
    """A mask as numbers to be added to the scores [b, heads, queries, keys]; ``axes`` are those that it lacks."""
    if mask.dtype == torch.bool:
        mask = torch.zeros_like(mask, dtype=scores.dtype).masked_fill(mask, -torch.inf)
    for axis in axes:
        mask = mask.unsqueeze(axis)
    return mask.unflatten(0, (-1, scores.shape[1])) if mask.ndim == 3 else mask

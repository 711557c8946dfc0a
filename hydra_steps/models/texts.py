"""Small models of token numbers: a recurrent network and a transformer, for whole texts or for each next token.

Token 0 is padding: of a whole text the mean is taken over its own tokens, and no place looks at what comes after it.
Index letters: b samples, l places, w width.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import torch
from torch import Tensor, nn

from hydra_steps.errors import StudyError
from hydra_steps.registry.decorators import model

Vocabulary = Annotated[int, "2 <= x <= 10000000"]
Width = Annotated[int, "1 <= x <= 65536"]


class Gru(nn.Module):
    """Token numbers [b, l] → outputs [b, outputs], or [b, l, outputs] of every place."""

    def __init__(self, vocabulary: int, outputs: int, width: int, every_place: bool) -> None:
        super().__init__()
        self.embed, self.read = nn.Embedding(vocabulary, width), nn.GRU(width, width, batch_first=True)
        self.say, self.every_place = nn.Linear(width, outputs), every_place

    def forward(self, tokens: Tensor) -> Tensor:
        read = self.read(self.embed(tokens))[0]
        said: Tensor = self.say(read if self.every_place else own_mean(read, tokens))
        return said


class TextTransformer(nn.Module):
    """Token numbers [b, l] → outputs [b, outputs], or [b, l, outputs] of every place; causal, pre-norm."""

    def __init__(
        self,
        length: int,
        vocabulary: int,
        outputs: int,
        width: int,
        depth: int,
        heads: int,
        every_place: bool,
    ) -> None:
        super().__init__()
        self.embed = nn.Embedding(vocabulary, width)
        self.positions = nn.Parameter(0.02 * torch.randn(length, width))
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(
                width, heads, 4 * width, 0.0, "gelu", batch_first=True, norm_first=True
            )
            for _ in range(depth)
        )
        self.norm, self.say, self.every_place = nn.LayerNorm(width), nn.Linear(width, outputs), every_place

    def forward(self, tokens: Tensor) -> Tensor:
        length = tokens.shape[1]
        read = self.embed(tokens) + self.positions[:length]
        later = torch.ones(length, length, dtype=torch.bool, device=tokens.device).triu(1)
        for layer in self.layers:
            read = layer(read, src_mask=later)
        read = self.norm(read)
        said: Tensor = self.say(read if self.every_place else own_mean(read, tokens))
        return said


def own_mean(read: Tensor, tokens: Tensor) -> Tensor:
    """The mean of [b, l, w] over the places that hold a token [b, w]; zeros of an empty text.

    >>> own_mean(torch.tensor([[[2.0], [4.0], [9.0]]]), torch.tensor([[5, 3, 0]]))
    tensor([[3.]])
    """
    there = (tokens > 0).to(read.dtype)[..., None]
    return (read * there).sum(1) / there.sum(1).clamp(min=1)


@model("gru", title="GRU", article="a")
def gru(
    shape: Sequence[int],
    outputs: int,
    *,
    vocabulary: Vocabulary = 1000,
    width: Width = 32,
    every_place: bool = False,
) -> nn.Module:
    """A recurrent network of one layer (GRU), for token numbers.

    Options:
        vocabulary: How many tokens there are.
        width: Numbers of an embedding and of the state.
        every_place: Outputs at every place, for next tokens, and not for the text as a whole.
    """
    _check(shape)
    return Gru(vocabulary, outputs, width, every_place)


@model("text_transformer", title="transformer", article="a")
def text_transformer(
    shape: Sequence[int],
    outputs: int,
    *,
    vocabulary: Vocabulary = 1000,
    width: Width = 32,
    depth: Annotated[int, "1 <= x <= 64"] = 2,
    heads: Annotated[int, "1 <= x <= 64"] = 4,
    every_place: bool = False,
) -> nn.Module:
    """A small causal transformer, for token numbers.

    Options:
        vocabulary: How many tokens there are.
        width: Numbers of an embedding; a multiple of `heads`.
        depth: Layers.
        heads: Heads of attention.
        every_place: Outputs at every place, for next tokens, and not for the text as a whole.
    """
    _check(shape)
    if width % heads:
        raise StudyError(
            f"model.width {width} with model.heads {heads}", "a multiple of heads", "change one of them"
        )
    return TextTransformer(shape[0], vocabulary, outputs, width, depth, heads, every_place)


def _check(shape: Sequence[int]) -> None:
    if len(shape) != 1:
        raise StudyError(
            f"a model of texts was given samples of the shape {tuple(shape)}",
            "token numbers, [places]",
            "set data.inputs to tokens, or choose another model",
        )

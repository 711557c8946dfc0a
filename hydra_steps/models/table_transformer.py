"""A small transformer for rows of a table: each column is a token, and columns attend to one another.

Gorishniy et al., Revisiting Deep Learning Models for Tabular Data, NeurIPS 2021 (the FT-Transformer), after Huang et
al., TabTransformer, 2020, which embeds the categories alone: here a column's token is its number times a learnt vector
plus another, and a category's columns of 0 and 1 (:mod:`hydra_steps.data.datasets.table`) are embedded in the same way.
The mean over the columns in place of a class token, and ``nn.TransformerEncoderLayer`` for the layers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import torch
from torch import Tensor, nn

from hydra_steps.errors import StudyError
from hydra_steps.registry.decorators import model


class TableTransformer(nn.Module):
    """Rows [b, columns] → outputs [b, outputs]."""

    def __init__(
        self, columns: int, outputs: int, width: int, depth: int, heads: int, dropout: float
    ) -> None:
        super().__init__()
        self.scales = nn.Parameter(torch.randn(columns, width) / width**0.5)
        self.offsets = nn.Parameter(torch.randn(columns, width) / width**0.5)
        self.layers = nn.Sequential(
            *(
                nn.TransformerEncoderLayer(
                    width, heads, 2 * width, dropout, "gelu", batch_first=True, norm_first=True
                )
                for _ in range(depth)
            )
        )
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, outputs)

    def forward(self, rows: Tensor) -> Tensor:
        tokens = rows[..., None] * self.scales + self.offsets  # [b, columns, width]
        said: Tensor = self.head(self.norm(self.layers(tokens)).mean(1))
        return said


@model("table_transformer", title="transformer", article="a")
def table_transformer(
    shape: Sequence[int],
    outputs: int,
    *,
    width: Annotated[int, "1 <= x <= 4096"] = 16,
    depth: Annotated[int, "1 <= x <= 64"] = 2,
    heads: Annotated[int, "1 <= x <= 64"] = 2,
    dropout: Annotated[float, "0 <= x < 1"] = 0.0,
) -> nn.Module:
    """A small transformer for rows of a table.

    Options:
        width: Numbers of a column's representation; a multiple of `heads`.
        depth: Encoder layers.
        heads: Heads of attention.
        dropout: Chance that a hidden unit is dropped in training.
    """
    if len(shape) != 1:
        raise StudyError(
            f"the transformer for tables was given samples of the shape {tuple(shape)}",
            "rows of numbers, [columns]",
            "choose another model, such as vision_transformer for pictures",
        )
    if width % heads:
        raise StudyError(
            f"model.width {width} with model.heads {heads}", "a multiple of heads", "change one of them"
        )
    return TableTransformer(shape[0], outputs, width, depth, heads, dropout)

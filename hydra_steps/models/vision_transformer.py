"""A small vision transformer: patches, learnt positions, pre-norm encoder layers, the mean over the patches.

Dosovitskiy et al., An Image is Worth 16x16 Words, ICLR 2021; with the mean of all patches in place of a class token, as
Beyer et al., Better plain ViT baselines, 2022, and ``nn.TransformerEncoderLayer`` for the layers.
"""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor, nn

from hydra_steps.errors import StudyError
from hydra_steps.registry.decorators import model


class VisionTransformer(nn.Module):
    """Images [b, c, h, w] → logits [b, outputs]."""

    def __init__(
        self,
        shape: tuple[int, int, int],
        outputs: int,
        patch: int,
        width: int,
        depth: int,
        heads: int,
        dropout: float,
    ) -> None:
        super().__init__()
        channels, height, wide = shape
        self.patches = nn.Conv2d(channels, width, patch, patch)
        self.positions = nn.Parameter(0.02 * torch.randn((height // patch) * (wide // patch), width))
        self.layers = nn.Sequential(
            *(
                nn.TransformerEncoderLayer(
                    width, heads, 4 * width, dropout, "gelu", batch_first=True, norm_first=True
                )
                for _ in range(depth)
            )
        )
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, outputs)

    def forward(self, images: Tensor) -> Tensor:
        tokens = self.patches(images).flatten(2).transpose(1, 2) + self.positions  # [b, patches, width]
        logits: Tensor = self.head(self.norm(self.layers(tokens)).mean(1))
        return logits


@model("vision_transformer", title="vision transformer", article="a")
def vision_transformer(
    shape: tuple[int, int, int],
    outputs: int,
    *,
    patch: Annotated[int, "1 <= x <= 64"] = 4,
    width: Annotated[int, "1 <= x <= 4096"] = 32,
    depth: Annotated[int, "1 <= x <= 64"] = 2,
    heads: Annotated[int, "1 <= x <= 64"] = 4,
    dropout: Annotated[float, "0 <= x < 1"] = 0.0,
) -> nn.Module:
    """A small vision transformer.

    Options:
        patch: Side of a square patch, in pixels; a divisor of the image's sides.
        width: Numbers of a patch's representation; a multiple of `heads`.
        depth: Encoder layers.
        heads: Heads of attention.
        dropout: Chance that a hidden unit is dropped in training.
    """
    _, height, wide = shape
    if height % patch or wide % patch:
        raise StudyError(
            f"the vision transformer was given images of {height}×{wide} pixels and patches of {patch}×{patch}",
            "a patch that divides both sides",
            "change model.patch, or pad the images (data.pad)",
        )
    if width % heads:
        raise StudyError(
            f"model.width {width} with model.heads {heads}", "a multiple of heads", "change one of them"
        )
    return VisionTransformer((shape[0], height, wide), outputs, patch, width, depth, heads, dropout)

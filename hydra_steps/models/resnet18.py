"""ResNet-18 in its form for images of 32×32 pixels: 11,173,962 parameters at width 64, 3 channels and 10 classes.

He et al., Deep Residual Learning for Image Recognition, CVPR 2016, section 4.2's first layer (3×3, no pooling) with the
blocks of ResNet-18: four stages of two basic blocks, each stage after the first at half the resolution and twice the
channels, global average pooling.
"""

from __future__ import annotations

from typing import Annotated

from torch import Tensor, nn
from torch.nn import functional

from hydra_steps.errors import StudyError
from hydra_steps.models.layers import BatchNorm
from hydra_steps.registry.decorators import model

STAGES, BLOCKS = 4, 2


class BasicBlock(nn.Module):
    """Conv3×3-BN-ReLU-Conv3×3-BN, added to its input, which a 1×1 convolution brings to the same shape."""

    forward_mode = True  # all that it does besides its layers is to add, and a ReLU

    def __init__(self, channels: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.main = nn.Sequential(
            *(nn.Conv2d(channels, outputs, 3, stride, 1, bias=False), BatchNorm(outputs), nn.ReLU()),
            *(nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False), BatchNorm(outputs)),
        )
        same = stride == 1 and channels == outputs
        self.short = (
            nn.Identity()
            if same
            else nn.Sequential(nn.Conv2d(channels, outputs, 1, stride, bias=False), BatchNorm(outputs))
        )

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(self.main(x) + self.short(x))


@model("resnet18", title="ResNet-18")
def resnet18(
    shape: tuple[int, int, int], outputs: int, *, width: Annotated[int, "1 <= x <= 1024"] = 64
) -> nn.Module:
    """ResNet-18 in its form for small images, of at least 8×8 pixels.

    Options:
        width: Channels of the first stage; each of the three others has twice as many as the one before.
    """
    channels, height, wide = shape
    if min(height, wide) < 8:
        raise StudyError(
            f"ResNet-18 was given images of {height}×{wide} pixels", "at least 8×8", "choose lenet5_tanh"
        )
    layers: list[nn.Module] = [nn.Conv2d(channels, width, 3, 1, 1, bias=False), BatchNorm(width), nn.ReLU()]
    before = width
    for stage in range(STAGES):
        after = width * 2**stage
        for block in range(BLOCKS):
            layers.append(BasicBlock(before, after, stride=2 if stage and not block else 1))
            before = after
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(before, outputs))

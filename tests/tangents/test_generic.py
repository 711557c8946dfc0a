"""Layers whose rule is that of all linear layers, of all functions of each number, or of themselves alone, and
convolutions of lines and volumes and transposed ones, against twice backward."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from hydra_steps.process.linearised import Curvature
from hydra_steps.process.paths import Path
from hydra_steps.tangents.generic import ELEMENTWISE, GENERIC
from tests.helpers.recorded_models import CLASSES
from tests.tangents.test_graphs import both, process_of

# In front of the layer: numbers in one, two and three dimensions, with channels.
OF_LINES = {
    nn.AvgPool1d: lambda: nn.AvgPool1d(2, 1, padding=1),
    nn.AdaptiveAvgPool1d: lambda: nn.AdaptiveAvgPool1d(4),
    nn.ZeroPad1d: lambda: nn.ZeroPad1d((1, 2)),
    nn.CircularPad1d: lambda: nn.CircularPad1d(1),
    nn.ReflectionPad1d: lambda: nn.ReflectionPad1d(2),
    nn.ReplicationPad1d: lambda: nn.ReplicationPad1d(2),
    nn.InstanceNorm1d: lambda: nn.InstanceNorm1d(2),
    nn.MaxPool1d: lambda: nn.MaxPool1d(2),
    nn.AdaptiveMaxPool1d: lambda: nn.AdaptiveMaxPool1d(2),
    nn.LPPool1d: lambda: nn.LPPool1d(2, 3),
    nn.ConstantPad1d: lambda: nn.ConstantPad1d(1, 0.5),
    nn.Conv1d: lambda: nn.Conv1d(2, 3, 3, padding=1, stride=2),
    nn.ConvTranspose1d: lambda: nn.ConvTranspose1d(2, 3, 3, stride=2, padding=1, output_padding=1),
    "a convolution in groups": lambda: nn.Conv1d(2, 4, 2, dilation=2, groups=2),
}
OF_VOLUMES = {
    nn.AvgPool3d: lambda: nn.AvgPool3d(2, 1),
    nn.AdaptiveAvgPool3d: lambda: nn.AdaptiveAvgPool3d(1),
    nn.ZeroPad3d: lambda: nn.ZeroPad3d(1),
    nn.CircularPad3d: lambda: nn.CircularPad3d(1),
    nn.ReflectionPad3d: lambda: nn.ReflectionPad3d(1),
    nn.ReplicationPad3d: lambda: nn.ReplicationPad3d(1),
    nn.InstanceNorm3d: lambda: nn.InstanceNorm3d(2, affine=True),
    nn.MaxPool3d: lambda: nn.MaxPool3d(2),
    nn.AdaptiveMaxPool3d: lambda: nn.AdaptiveMaxPool3d(1),
    nn.LPPool3d: lambda: nn.LPPool3d(2, 2),
    nn.ConstantPad3d: lambda: nn.ConstantPad3d(1, 0.5),
    nn.Conv3d: lambda: nn.Conv3d(2, 3, 2, padding=(0, 1, 0)),
    nn.ConvTranspose3d: lambda: nn.ConvTranspose3d(2, 3, 2, padding=(0, 1, 0)),
    "a volume in groups": lambda: nn.Conv3d(2, 4, 2, groups=2, bias=False),
    "a transposed volume in groups": lambda: nn.ConvTranspose3d(2, 4, 2, groups=2, bias=False),
}
OF_IMAGES = {
    nn.Unflatten: lambda: nn.Unflatten(1, (2, 2)),
    nn.Unfold: lambda: nn.Unfold(2, stride=2),
    nn.Fold: lambda: nn.Sequential(nn.Unfold(2, stride=2), nn.Fold(6, 2, stride=2)),
    nn.PixelShuffle: lambda: nn.PixelShuffle(2),
    nn.PixelUnshuffle: lambda: nn.PixelUnshuffle(2),
    nn.ChannelShuffle: lambda: nn.ChannelShuffle(2),
    nn.Upsample: lambda: nn.Upsample(scale_factor=2, mode="bicubic"),
    nn.UpsamplingNearest2d: lambda: nn.UpsamplingNearest2d(scale_factor=2),
    nn.UpsamplingBilinear2d: lambda: nn.UpsamplingBilinear2d(scale_factor=2),
    nn.ZeroPad2d: lambda: nn.ZeroPad2d((1, 0, 2, 0)),
    nn.CircularPad2d: lambda: nn.CircularPad2d(1),
    nn.ReflectionPad2d: lambda: nn.ReflectionPad2d(1),
    nn.ReplicationPad2d: lambda: nn.ReplicationPad2d(1),
    nn.ConvTranspose2d: lambda: nn.ConvTranspose2d(4, 3, 3, stride=2, dilation=2),
    "a transposed convolution in groups": lambda: nn.ConvTranspose2d(4, 6, 2, groups=2),
    "a transposed convolution first": lambda: nn.ConvTranspose2d(1, 4, 2, stride=2, output_padding=1),
}
BY_THEMSELVES: dict[type[nn.Module], Callable[[], nn.Module]] = {
    nn.Softmax: lambda: nn.Softmax(1),
    nn.Softmax2d: nn.Softmax2d,
    nn.Softmin: lambda: nn.Softmin(-1),
    nn.LogSoftmax: lambda: nn.LogSoftmax(2),
    nn.GLU: lambda: nn.GLU(1),
    nn.PReLU: lambda: nn.PReLU(4, init=0.3),
    nn.Hardswish: nn.Hardswish,
    nn.InstanceNorm2d: lambda: nn.InstanceNorm2d(4, affine=True),
    nn.RMSNorm: lambda: nn.RMSNorm(6),
    nn.LocalResponseNorm: lambda: nn.LocalResponseNorm(2),
    nn.AdaptiveMaxPool2d: lambda: nn.AdaptiveMaxPool2d(2),
    nn.LPPool2d: lambda: nn.LPPool2d(2, 2),
    nn.ConstantPad2d: lambda: nn.ConstantPad2d(1, 0.5),
}
ALONE = {kind: kind for kind in ELEMENTWISE if kind is not nn.Threshold} | {
    nn.Threshold: lambda: nn.Threshold(0.1, 0.3),
    nn.GELU: lambda: nn.GELU("tanh"),
    "dropout of channels": lambda: nn.Dropout2d(0.3),
    "dropout of a network that normalises itself": lambda: nn.AlphaDropout(0.3),
}


def _network(kind: type[nn.Module] | str) -> nn.Module:
    if kind in OF_LINES:
        into: list[nn.Module] = [
            nn.Flatten(),
            nn.Linear(36, 12),
            nn.Tanh(),
            nn.Unflatten(1, (2, 6)),
            OF_LINES[kind](),
        ]
    elif kind in OF_VOLUMES:
        into = [nn.Flatten(), nn.Linear(36, 24), nn.Tanh(), nn.Unflatten(1, (2, 2, 3, 2)), OF_VOLUMES[kind]()]
    else:
        before = [] if str(kind).endswith("first") else [nn.Conv2d(1, 4, 3, padding=1), nn.Tanh()]
        into = [*before, (OF_IMAGES | BY_THEMSELVES | ALONE)[kind]()]
    made = nn.Sequential(*into, nn.Tanh(), nn.Flatten(), nn.LazyLinear(CLASSES))
    made(torch.zeros(2, 1, 6, 6))
    return made


@pytest.mark.parametrize("curvature", Curvature)
@pytest.mark.parametrize(
    "kind", [*OF_LINES, *OF_VOLUMES, *OF_IMAGES, *BY_THEMSELVES, *ALONE], ids=lambda kind: str(kind)
)
def test_it_gives_what_twice_backward_gives(kind: type[nn.Module] | str, curvature: Curvature) -> None:
    torch.manual_seed(0)
    process = process_of(_network(kind))
    assert process.model.path is Path.RULES, process.model.reason
    for found, expected in both(process, curvature):
        torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-11)


def test_each_is_tried() -> None:
    assert GENERIC.keys() <= {*OF_LINES, *OF_VOLUMES, *OF_IMAGES, *BY_THEMSELVES, *ALONE}

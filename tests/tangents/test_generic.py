"""Layers whose rule is that of all linear layers, or of all functions of each number, against twice backward."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from hydra_steps.process.linearised import Curvature
from hydra_steps.process.paths import Path
from hydra_steps.tangents.generic import ELEMENTWISE, LINEAR
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
}
OF_VOLUMES = {
    nn.AvgPool3d: lambda: nn.AvgPool3d(2, 1),
    nn.AdaptiveAvgPool3d: lambda: nn.AdaptiveAvgPool3d(1),
    nn.ZeroPad3d: lambda: nn.ZeroPad3d(1),
    nn.CircularPad3d: lambda: nn.CircularPad3d(1),
    nn.ReflectionPad3d: lambda: nn.ReflectionPad3d(1),
    nn.ReplicationPad3d: lambda: nn.ReplicationPad3d(1),
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
}
ALONE = {kind: kind for kind in ELEMENTWISE if kind is not nn.Threshold} | {
    nn.Threshold: lambda: nn.Threshold(0.1, 0.3)
}


def _network(kind: type[nn.Module]) -> nn.Module:
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
        into = [nn.Conv2d(1, 4, 3, padding=1), nn.Tanh(), (OF_IMAGES | ALONE)[kind]()]
    made = nn.Sequential(*into, nn.Tanh(), nn.Flatten(), nn.LazyLinear(CLASSES))
    made(torch.zeros(2, 1, 6, 6))
    return made


@pytest.mark.parametrize("curvature", Curvature)
@pytest.mark.parametrize("kind", [*LINEAR, *ELEMENTWISE], ids=lambda kind: kind.__name__)
def test_it_gives_what_twice_backward_gives(
    kind: type[nn.Module] | Callable[[], nn.Module], curvature: Curvature
) -> None:
    torch.manual_seed(0)
    process = process_of(_network(kind))
    assert process.model.path is Path.RULES, process.model.reason
    for found, expected in both(process, curvature):
        torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-11)

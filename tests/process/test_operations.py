"""What products compute, counted as PyTorch counts it, without its compiler."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from hydra_steps.process.operations import Watch, products

NETWORKS = {
    "convolutions": (
        lambda: nn.Sequential(nn.Conv2d(3, 6, 3, padding="same", groups=3), nn.ConvTranspose2d(6, 2, 3)),
        (2, 3, 8, 8),
    ),
    "one axis": (
        lambda: nn.Sequential(nn.Conv1d(3, 4, 3, dilation=2), nn.Flatten(), nn.LazyLinear(5)),
        (2, 3, 8),
    ),
    "three axes": (lambda: nn.Conv3d(2, 4, 2), (2, 2, 5, 5, 5)),
    "attention": (lambda: nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), (2, 5, 8)),
    "no product": (lambda: nn.Sequential(nn.BatchNorm1d(3), nn.GELU()), (4, 3)),
}


class Counted(Watch):
    """Adds all products up."""

    total = 0

    def seen(self, operation: Any, args: tuple[Any, ...], options: dict[str, Any], made: Any) -> None:
        self.total += products(operation, args, options, made)


@pytest.mark.parametrize("device", ["cpu", "meta"])
@pytest.mark.parametrize("name", list(NETWORKS))
def test_products_are_counted_as_pytorch_counts_them(name: str, device: str) -> None:
    build, shape = NETWORKS[name]
    network = build()
    network(torch.zeros(shape))
    network, given = network.to(device), torch.zeros(shape, device=device)

    def step() -> Tensor:
        made = network(given).sum()
        made.backward()
        return made

    ours, theirs = Counted(), FlopCounterMode(display=False)
    with sdpa_kernel(SDPBackend.MATH):
        with ours:
            step()
        with theirs:
            step()
    assert ours.total == theirs.get_total_flops()
    assert bool(ours.total) == (name != "no product")


def test_the_compiler_is_not_imported() -> None:
    program = """
import sys
import torch
from hydra_steps.process.operations import Watch
class Silent(Watch):
    def seen(self, *what):
        pass
with Silent():
    torch.ones(3).split([1, 2])
print("torch._dynamo" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", program], text=True, capture_output=True, check=True)
    assert done.stdout == "False\n"

"""Sizes on paper are those of the real modules."""

from __future__ import annotations

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from hydra_steps.estimate.networks import BUILDERS, network
from hydra_steps.models.registry import build_model, model_names

CASES = [
    ("lenet5_tanh", (1, 28, 28), {}),
    ("lenet5_relu", (3, 32, 32), {"batch_norm": True}),
    ("lenet5_tanh", (1, 8, 8), {}),
    ("mlp", (1, 8, 8), {"hidden": [16, 8], "batch_norm": True}),
    ("logistic", (1, 28, 28), {}),
    ("densenet40", (3, 32, 32), {}),
]


def test_every_model_is_there() -> None:
    assert set(model_names()) <= set(BUILDERS)


@pytest.mark.parametrize(("name", "shape", "options"), CASES)
def test_the_sizes_are_those_of_the_module(name: str, shape: tuple[int, int, int], options: dict) -> None:
    module = build_model(name, shape, 10, options, seed=0).eval()
    compare(module, network(name, shape, 10, options), shape)


def test_resnet50_is_the_published_one() -> None:
    net = network("resnet50", (3, 224, 224), 1000, {})
    assert net.parameters == 25_557_032
    assert net.buffers == 53_120
    assert net.multiplications == pytest.approx(4.09e9, rel=1e-3)  # torchvision's page: 4.09 GFLOPS, fused


def test_the_transformer_has_a_billion_parameters_and_the_textbooks_multiplications() -> None:
    net = network("transformer_1b", (1, 1, 1), 1, {})
    assert 1.0e9 < net.parameters < 1.05e9
    # 2 multiply-adds per parameter and token, and the attention's; the embedding of positions multiplies nothing.
    per_token = net.multiplications / 2048
    assert per_token == pytest.approx(net.parameters + 2 * 24 * 2048 * 1792, rel=0.01)


def compare(module: torch.nn.Module, net, shape: tuple[int, int, int]) -> None:
    assert net.parameters == sum(p.numel() for p in module.parameters())
    assert net.buffers == sum(b.numel() for b in module.buffers() if b.is_floating_point())
    with FlopCounterMode(display=False) as counted, torch.no_grad():
        module(torch.zeros(2, *shape))
    assert 2 * 2 * net.multiplications == counted.get_total_flops()

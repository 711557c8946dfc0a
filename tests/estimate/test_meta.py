"""Sizes counted on the meta device are those of the real module on the processor, and of the textbooks."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from hydra_steps.estimate.meta import built_network, measure
from hydra_steps.models.build import build_model
from hydra_steps.registry import names
from tools.networks import BLOCKS, HEADS, TOKENS, VOCABULARY, WIDTH, size_of

CASES: list[tuple[str, tuple[int, ...], dict]] = [
    ("lenet5_tanh", (1, 28, 28), {}),
    ("lenet5_relu", (3, 32, 32), {"batch_norm": True, "dropout": 0.1}),
    ("lenet5_tanh", (1, 8, 8), {}),
    ("lenet5_tanh_max", (1, 28, 28), {}),
    ("lenet5_relu_average", (1, 28, 28), {}),
    ("mlp", (1, 8, 8), {"hidden": [16, 8], "batch_norm": True}),
    ("logistic", (1, 28, 28), {}),
    ("densenet40", (3, 32, 32), {}),
    ("resnet18", (3, 16, 16), {"width": 4}),
    ("vision_transformer", (1, 28, 28), {}),
    ("table_transformer", (9,), {}),
]


OF_TEXTS = ("gru", "text_transformer")


def test_every_model_of_the_registry_is_measured() -> None:
    assert set(names("model")) <= {*OF_TEXTS, *(name for name, *_ in CASES)}


@pytest.mark.parametrize("name", OF_TEXTS)
def test_models_of_token_numbers(name: str) -> None:
    def build() -> nn.Module:
        return build_model(name, (9,), 10, {"vocabulary": 20}, seed=0)

    found = built_network(build, np.zeros((1, 9), np.int64))
    assert found.parameters == sum(p.numel() for p in build().parameters())
    assert found.step.multiplications > found.forward.multiplications > 0


@pytest.mark.parametrize(("name", "shape", "options"), CASES)
def test_the_meta_device_and_the_processor_agree(name: str, shape: tuple[int, ...], options: dict) -> None:
    def build() -> nn.Module:
        return build_model(name, shape, 10, options, seed=0)

    found = built_network(build, np.zeros((1, *shape), np.float32))
    assert found == measure(build(), torch.zeros(1, *shape))
    assert found.parameters == sum(p.numel() for p in build().parameters())
    assert found.step.operations > found.forward.operations > 0


def test_a_linear_layer_is_what_it_is_on_paper() -> None:
    found = measure(nn.Linear(7, 5), torch.zeros(1, 7))
    assert (found.parameters, found.buffers) == (40, 0)
    assert found.forward.multiplications == 35
    assert found.forward.written == 5
    assert found.step.multiplications == 2 * 35  # backwards the weights' gradient; the inputs have none
    assert found.saved == 0  # its input is the caller's


def test_what_is_kept_for_the_way_back_is_counted_once() -> None:
    """Of a perceptron: the outputs of both tanh units, each read by its own derivative and by the next layer."""
    module = nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 3), nn.Tanh())
    assert measure(module, torch.zeros(1, 4)).saved == 4 * (6 + 3)


class Words(nn.Module):
    """Integers in, a dictionary out, and layers that PyTorch fuses where it can."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.recurrent = nn.Embedding(50, 16), nn.GRU(16, 8, batch_first=True)
        self.attend = nn.TransformerEncoderLayer(16, 4, 32, batch_first=True)
        self.output = nn.Linear(8, 50)

    def forward(self, tokens: Tensor) -> dict[str, Tensor]:
        return {"logits": self.output(self.recurrent(self.attend(self.words(tokens)))[0])}


def test_a_foreign_module_needs_no_description() -> None:
    found = measure(Words().to("meta"), torch.zeros(1, 12, dtype=torch.int64, device="meta"))
    real = measure(Words(), torch.zeros(1, 12, dtype=torch.int64))
    assert found.parameters == real.parameters
    assert found.forward.multiplications == real.forward.multiplications > 0
    assert found.step.multiplications == real.step.multiplications
    assert found.saved == real.saved > 0
    assert found.step.written == pytest.approx(real.step.written, rel=0.1)


class Branching(nn.Module):
    """What it does depends on values, which the meta device has not."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Linear(6, 4)

    def forward(self, x: Tensor) -> Tensor:
        y = self.inner(x)
        return 2 * y if y.sum().item() > 1e9 else y


def test_a_module_that_looks_at_values_is_measured_on_the_processor() -> None:
    assert built_network(Branching, np.zeros((1, 6), np.float32)).forward.multiplications == 24


def test_the_module_is_left_as_it_is() -> None:
    module = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4)).eval()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    measure(module, torch.zeros(1, 4))
    assert not module.training
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
    assert all(parameter.grad is None for parameter in module.parameters())


def test_resnet50_is_the_published_one() -> None:
    net = size_of("resnet50")
    assert net.parameters == 25_557_032
    assert net.buffers == 53_120
    assert net.forward.multiplications == pytest.approx(
        4.09e9, rel=1e-3
    )  # torchvision's page: 4.09 GFLOPS, fused


def test_the_decoder_has_a_billion_parameters_and_the_textbooks_multiplications() -> None:
    net = size_of("decoder")
    assert 1.0e9 < net.parameters < 1.05e9
    # A multiplication for each weight and token, and the attention's two products.
    weights = BLOCKS * 12 * WIDTH**2 + VOCABULARY * WIDTH
    per_token = net.forward.multiplications / TOKENS
    assert per_token == pytest.approx(weights + 2 * BLOCKS * TOKENS * WIDTH, rel=1e-6)
    assert net.saved > 4 * BLOCKS * HEADS * TOKENS**2  # attention in the form that differentiates twice

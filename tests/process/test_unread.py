"""The graph of a gradient without its own numbers has the derivatives of the whole one."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from hydra_steps.config.sections import RunSettings
from hydra_steps.models.layers import BatchNorm, normalise
from hydra_steps.process.building import build_process
from hydra_steps.process.linearised import Curvature, Point
from hydra_steps.process.normalised import batch_normalised
from hydra_steps.process.twice_backward import twice_backward
from hydra_steps.process.unread import Unread
from tests.helpers.tiny import relative_error, tiny_data, tiny_settings


class TwiceUsed(nn.Module):
    """One weight in two layers, and once in a product of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(6, 6))
        nn.init.orthogonal_(self.weight)

    def forward(self, x: Tensor) -> Tensor:
        first = nn.functional.linear(x, self.weight).tanh()
        return nn.functional.linear(first, self.weight).tanh() @ self.weight.sin()


class Normed(nn.Module):
    """A weight that is computed first, whose derivatives need the numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(4, 6))

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.linear(x, self.weight / self.weight.norm(dim=1, keepdim=True))


class Penalised(nn.Module):
    """What takes gradients itself, by its inputs and by a weight, and reads them."""

    def __init__(self) -> None:
        super().__init__()
        self.inner, self.norm = nn.Linear(6, 4), BatchNorm(4)

    def forward(self, x: Tensor) -> Tensor:
        with torch.enable_grad():
            y = self.norm(self.inner(x)).tanh()
            of_x, of_w = torch.autograd.grad(y.square().sum(), [x, self.inner.weight], create_graph=True)
        return torch.cat([y, of_x.sin(), (x @ of_w.T).cos()], -1)


class Decoder(nn.Module):
    """Attention from places to others."""

    def __init__(self) -> None:
        super().__init__()
        self.decoder = nn.TransformerDecoderLayer(6, 2, 8, 0.0, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.decoder(x[:, :2], x[:, 1:])


LAYERS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "linear": (lambda: nn.Linear(6, 4), (3, 6)),
    "linear, no bias, rows of places": (lambda: nn.Linear(6, 4, bias=False), (3, 2, 5, 6)),
    "convolution": (lambda: nn.Conv2d(2, 4, 3), (3, 2, 5, 6)),
    "convolution, all settings": (
        lambda: nn.Conv2d(4, 6, (3, 2), stride=(2, 1), padding=(1, 0), dilation=(1, 2), groups=2, bias=False),
        (3, 4, 6, 7),
    ),
    "convolution, padding by name": (lambda: nn.Conv2d(2, 4, 3, padding="same"), (3, 2, 5, 6)),
    "convolution, circular": (lambda: nn.Conv2d(2, 4, 3, padding=1, padding_mode="circular"), (3, 2, 5, 6)),
    "one axis": (lambda: nn.Conv1d(2, 4, 3, padding=1), (3, 2, 6)),
    "three axes": (lambda: nn.Conv3d(2, 3, 2, stride=2), (2, 2, 4, 4, 5)),
    "transposed": (
        lambda: nn.ConvTranspose2d(4, 6, 3, stride=2, padding=1, output_padding=1, groups=2),
        (3, 4, 3, 4),
    ),
    "transposed, one axis": (lambda: nn.ConvTranspose1d(2, 4, 3, dilation=2), (3, 2, 6)),
    "used twice": (TwiceUsed, (3, 6)),
    "computed weight": (Normed, (3, 6)),
    "gradients of its own": (Penalised, (3, 6)),
    "batch norm": (lambda: BatchNorm(4), (5, 4, 3)),
    "batch norm, not affine": (lambda: BatchNorm(4, affine=False), (5, 4, 2, 3)),
    "layer norm": (lambda: nn.LayerNorm(6), (3, 2, 6)),
    "layer norm, no weights": (lambda: nn.LayerNorm(6, elementwise_affine=False), (3, 2, 6)),
    "layer norm, no bias": (lambda: nn.LayerNorm((2, 6), bias=False), (3, 2, 6)),
    "gelu": (nn.GELU, (3, 6)),
    "gelu, by tanh": (lambda: nn.GELU("tanh"), (3, 6)),
    "attention": (lambda: nn.TransformerEncoderLayer(6, 2, 8, 0.0, nn.GELU(), batch_first=True), (3, 4, 6)),
    "attention to others": (Decoder, (3, 4, 6)),
}


def network(kind: str) -> tuple[nn.Module, Tensor]:
    """A layer between others, of which the first has no gradient to give to its inputs."""
    make, shape = LAYERS[kind]
    torch.manual_seed(0)
    features = nn.Sequential(nn.Linear(shape[-1], shape[-1]), nn.Tanh(), make(), nn.Tanh(), nn.Flatten())
    inputs = torch.randn(shape, dtype=torch.float64)
    outputs = features.double()(inputs).shape[1]
    module = nn.Sequential(*features, nn.Linear(outputs, 3)).double()
    for layer in module.modules():
        if isinstance(layer, BatchNorm):
            layer.differentiable_statistics = True
    return module, inputs


def derivatives(module: nn.Module, inputs: Tensor, unread: bool, directions: int) -> list[Tensor]:
    """⟨u, g⟩'s derivatives by the parameters and by shares of samples, for directions u."""
    parameters = [p for p in module.parameters() if p.requires_grad]
    share = torch.full((len(inputs),), 0.3, dtype=torch.float64, requires_grad=True)
    with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
        if unread:
            with Unread(lambda: parameters).called():
                outputs = module(inputs)
        else:
            outputs = module(inputs)
    losses = outputs.logsumexp(1) - outputs[:, 0]
    gradients = torch.autograd.grad((share * losses).sum(), parameters, create_graph=True)
    generator = torch.Generator().manual_seed(1)
    along = [torch.randn(directions, *p.shape, generator=generator, dtype=torch.float64) for p in parameters]
    if directions == 1:
        return list(torch.autograd.grad(gradients, [*parameters, share], [u[0] for u in along]))
    return list(torch.autograd.grad(gradients, [*parameters, share], along, is_grads_batched=True))


@pytest.mark.parametrize("directions", [1, 3])
@pytest.mark.parametrize("kind", LAYERS)
def test_derivatives_are_those_of_the_whole_graph(kind, directions):
    module, inputs = network(kind)
    expected = derivatives(module, inputs, False, directions)
    found = derivatives(module, inputs, True, directions)
    assert relative_error(*(torch.cat([one.flatten() for one in made]) for made in (found, expected))) < 1e-12


def test_a_gradient_that_is_read_is_no_number():
    """Nobody can take what is not made for a gradient; without a graph of it, all is made."""
    layer, x = nn.Linear(4, 2), torch.randn(3, 4)
    with Unread(lambda: list(layer.parameters())).called():
        y = layer(x)
    graph = torch.autograd.grad(y.sum(), list(layer.parameters()), create_graph=True)
    assert all(one.isnan().all() for one in graph)
    numbers = torch.autograd.grad(y.sum(), list(layer.parameters()), retain_graph=True)
    expected = torch.autograd.grad(layer(x).sum(), list(layer.parameters()))
    assert all(torch.equal(one, other) for one, other in zip(numbers, expected, strict=True))


class Mapped(nn.Module):
    """Rows of places by ``vmap``."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm = nn.Linear(9, 5), BatchNorm(5)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(torch.func.vmap(lambda row: self.first(row).tanh())(x))


class Pushed(Mapped):
    """Its own tangents by PyTorch's forward mode."""

    def forward(self, x: Tensor) -> Tensor:
        y, y_dot = torch.func.jvp(lambda x: self.first(x).tanh(), (x,), (x.square(),))
        return self.norm(y * y_dot)


class InPlace(Mapped):
    """What changes its outputs in place."""

    def forward(self, x: Tensor) -> Tensor:
        y = self.first(x[:, None])
        y += 1
        return self.norm(y.mul_(2)[:, 0]).relu_()


class Checkpointed(Mapped):
    """Made again on the way back."""

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = checkpoint(lambda x: self.first(x).tanh(), x, use_reentrant=False)
        return self.norm(made)


@pytest.mark.parametrize("curvature", Curvature)
@pytest.mark.parametrize("kind", [Mapped, Pushed, InPlace, Checkpointed])
def test_a_model_that_has_its_own_ways_with_graphs_keeps_them(kind, curvature):
    torch.manual_seed(0)
    module = nn.Sequential(nn.Flatten(), kind(), nn.Linear(5, 3))
    process = build_process(RunSettings.of(tiny_settings()), tiny_data(), lambda: module)
    state, batch = process.initial_state(), process.batch(0)
    generator = torch.Generator().manual_seed(0)
    direction, bar = (
        torch.randn(1, len(like), generator=generator, dtype=torch.float64)
        for like in (state.parameters, state.buffers)
    )
    point = Point(state.parameters, state.buffers, batch, None, True)
    found = twice_backward(process, point, direction, curvature, bar, bar)
    assert process.model.shortens is (kind is not Checkpointed)
    process.model.shortens = False
    expected = twice_backward(process, point, direction, curvature, bar, bar)
    for one, other in zip(found, expected, strict=True):
        assert (one is None and other is None) or relative_error(one, other) < 1e-12


@pytest.mark.parametrize("shape", [(4, 3), (3, 2, 4), (2, 2, 3, 2)])
@pytest.mark.parametrize("affine", [True, False])
def test_batch_norm_differentiates_twice(shape, affine):
    """Output, mean and variance, by finite differences and by PyTorch's own operations."""
    torch.manual_seed(0)
    x = torch.randn(shape, dtype=torch.float64, requires_grad=True)
    own = [torch.randn(shape[1], dtype=torch.float64, requires_grad=True) for _ in range(2)] if affine else []

    def made(x: Tensor, *own: Tensor) -> tuple[Tensor, ...]:
        return batch_normalised(lambda: False, x, *(own or (None, None)), 1e-2)

    def plain(x: Tensor, *own: Tensor) -> tuple[Tensor, ...]:
        return normalise(x, *(own or (None, None)), 1e-2)

    for one, other in zip(made(x, *own), plain(x, *own), strict=True):
        torch.testing.assert_close(one, other)
    torch.autograd.gradcheck(made, (x, *own))
    torch.autograd.gradgradcheck(made, (x, *own))

"""Which path a model takes, and that all of them give the same numbers where several are right."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.autograd import forward_ad

from hydra_steps.models.dropout import KeyedAlphaDropout, KeyedChannelDropout, KeyedDropout
from hydra_steps.models.layers import BatchNorm
from hydra_steps.models.pooling import AveragePool, MaxPool
from hydra_steps.process import linearise as module_of_linearise
from hydra_steps.process.agreement import agree
from hydra_steps.process.flat_model import FlatModel
from hydra_steps.process.forward_mode import forward_mode
from hydra_steps.process.linearise import linearise
from hydra_steps.process.linearised import Curvature, Linearised, Point
from hydra_steps.process.paths import KNOWN, Path, choose_path
from tests.helpers.foreign import foreign_process
from tests.helpers.tiny import built, relative_error, tiny_data, tiny_process, tiny_settings

MADE: dict[type[nn.Module], tuple[nn.Module, tuple[int, ...]]] = {
    nn.Sequential: (nn.Sequential(nn.Tanh()), (4,)),
    nn.Identity: (nn.Identity(), (4,)),
    nn.Flatten: (nn.Flatten(), (2, 3)),
    nn.Unflatten: (nn.Unflatten(1, (2, 3)), (6,)),
    nn.Linear: (nn.Linear(4, 5), (3, 4)),
    nn.Conv1d: (nn.Conv1d(2, 4, 3, groups=2, padding=1), (2, 5)),
    nn.Conv2d: (nn.Conv2d(2, 4, 3, stride=2, padding="valid", bias=False), (2, 5, 6)),
    nn.Conv3d: (nn.Conv3d(2, 2, 2, padding_mode="circular", padding=1), (2, 3, 3, 3)),
    nn.Tanh: (nn.Tanh(), (4,)),
    nn.ReLU: (nn.ReLU(), (4,)),
    nn.LeakyReLU: (nn.LeakyReLU(0.1), (4,)),
    nn.Sigmoid: (nn.Sigmoid(), (4,)),
    nn.GELU: (nn.GELU(), (4,)),
    nn.Softplus: (nn.Softplus(), (4,)),
    nn.ELU: (nn.ELU(), (4,)),
    nn.AvgPool1d: (nn.AvgPool1d(2), (2, 6)),
    nn.AvgPool2d: (nn.AvgPool2d(2, padding=1), (2, 5, 4)),
    nn.AdaptiveAvgPool2d: (nn.AdaptiveAvgPool2d(2), (2, 5, 4)),
    nn.MaxPool2d: (nn.MaxPool2d(3, 2, 1), (2, 5, 4)),
    AveragePool: (AveragePool(), (2, 5, 4)),
    MaxPool: (MaxPool(), (2, 5, 4)),
    BatchNorm: (BatchNorm(2), (2, 4)),
    KeyedDropout: (KeyedDropout(0.3, 0), (4,)),
    KeyedChannelDropout: (KeyedChannelDropout(0.3, 0), (4, 2)),
    KeyedAlphaDropout: (KeyedAlphaDropout(0.3, 0), (4,)),
}


def test_every_known_layer_is_measured():
    assert set(MADE) == KNOWN


@pytest.mark.parametrize("kind", MADE, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("training", [True, False])
def test_forward_mode_is_right_for_what_is_known(kind, training):
    """⟨u, ∇f⟩ by forward mode against a backward pass, by the layer's input and parameters."""
    layer, shape = MADE[kind]
    layer = layer.double().train(training)
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(4, *shape, dtype=torch.float64, generator=generator)
    leaves = [x, *layer.parameters()]
    leaves = [leaf.detach().clone() for leaf in leaves]
    dots = [torch.randn(leaf.shape, dtype=torch.float64, generator=generator) for leaf in leaves]
    names = [name for name, _ in layer.named_parameters()]
    buffers = {name: buffer.clone() for name, buffer in layer.named_buffers()}

    def value(*given):
        if hasattr(layer, "keys"):
            layer.keys = torch.arange(4)
        if isinstance(layer, BatchNorm):
            layer.differentiable_statistics = True
        made = torch.func.functional_call(
            layer, buffers | dict(zip(names, given[1:], strict=True)), (given[0],)
        )
        return (made.sin() * torch.arange(1, made.numel() + 1).view(made.shape)).sum() / made.numel()

    leaves = [leaf.requires_grad_() for leaf in leaves]
    with forward_ad.dual_level():
        duals = [forward_ad.make_dual(leaf, dot) for leaf, dot in zip(leaves, dots, strict=True)]
        tangent = forward_ad.unpack_dual(value(*duals)).tangent
    gradient = torch.autograd.grad(value(*leaves), leaves)
    along = sum((g * dot).sum() for g, dot in zip(gradient, dots, strict=True))
    assert relative_error(tangent.detach(), along) <= 1e-12


@pytest.mark.parametrize("variant", ["plain", "batch_norm", "dropout"])
@pytest.mark.parametrize("curvature", Curvature)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("training", [True, False])
def test_twice_backward_gives_what_the_faster_paths_give(variant, curvature, weighted, training):
    process, _, _ = tiny_process(variant=variant, batch_norm_statistics="weighted" if weighted else "all")
    state, batch = process.initial_state(), process.batch(1)
    generator = torch.Generator().manual_seed(0)

    def draw(like):
        return torch.randn(3, len(like), dtype=torch.float64, generator=generator)

    weights = torch.rand(process.samples, dtype=torch.float64, generator=generator) + 0.5
    weights[batch.index[1]] = 0
    arguments = (process, state.parameters, state.buffers, batch, draw(state.parameters), curvature, weights)
    bars = {"buffers_bar": draw(state.buffers), "buffers_dot": draw(state.buffers), "training": training}
    assert process.model.path is Path.RULES
    ruled = variant != "batch_norm" or (training and not weighted)
    if ruled or curvature is Curvature.EXACT:
        expected = linearise(*arguments, **bars)
    else:
        point = Point(state.parameters, state.buffers, batch, weights, training)
        each = zip(arguments[4], bars["buffers_bar"], bars["buffers_dot"], strict=True)
        rows = [forward_mode(process, point, one, curvature, bar, dot) for one, bar, dot in each]
        expected = Linearised(*(None if c[0] is None else torch.cat(c) for c in zip(*rows, strict=True)))
    process.model.path = Path.BACKWARD
    found = linearise(*arguments, **bars)
    rules = variant != "batch_norm"
    for name, mine, right in zip(found._fields, found, expected, strict=True):
        if (mine is None and right is None) or (rules and name.startswith("buffers")):
            continue
        if curvature is Curvature.NONE and name == "buffers_bar":
            continue
        assert mine.shape == right.shape
        assert torch.allclose(mine, right, rtol=1e-10, atol=1e-12), name


class Branching(nn.Module):
    """What PyTorch cannot map: its derivative looks at the numbers."""

    class Doubled(torch.autograd.Function):
        @staticmethod
        def forward(x):
            return 2 * x

        @staticmethod
        def setup_context(context, inputs, output): ...

        @staticmethod
        def backward(context, bar):
            return 2 * bar if float(bar.detach().sum()) > 0 else bar + bar

    def forward(self, x):
        return self.Doubled.apply(x).sin()


class Summed(nn.Module):
    """An operation that has no rule."""

    def forward(self, x):
        return x.cumsum(1).sin()


def going_back(module, count, **data):
    """A process whose model goes twice backward, what `linearise` takes of it, and directions [q, p]."""
    process, _, _ = tiny_process(**data)
    process.model = FlatModel(module).to(process.device, process.dtype)
    assert process.model.path is Path.BACKWARD
    state = process.initial_state()
    generator = torch.Generator().manual_seed(0)
    directions = torch.randn(count, len(state.parameters), dtype=torch.float64, generator=generator)
    return process, (process, state.parameters, state.buffers, process.batch(1)), directions


@pytest.mark.parametrize("curvature", Curvature)
@pytest.mark.parametrize("mapped", [True, False])
def test_many_directions_are_each_by_itself(curvature, mapped):
    """In one pass where the model can be mapped; one by one, and right, where it cannot."""
    module = nn.Sequential(nn.Flatten(), nn.Linear(9, 6), Summed(), *([] if mapped else [Branching()]))
    process, arguments, directions = going_back(nn.Sequential(*module, nn.Linear(6, 10)), 5)
    rows = [linearise(*arguments, one[None], curvature) for one in directions]
    assert process.model.maps is None  # nothing was tried yet
    found = linearise(*arguments, directions, curvature)
    # Without curvature nothing goes back through the layer a second time.
    assert process.model.maps == (mapped or curvature is Curvature.NONE)
    assert relative_error(found.slopes, torch.cat([row.slopes for row in rows])) <= 1e-12
    if curvature is not Curvature.NONE:
        assert relative_error(found.parameters_bar, torch.cat([r.parameters_bar for r in rows])) <= 1e-12


def test_what_pytorch_maps_to_other_numbers_is_not_mapped():
    """Group norm without weights: mapped over directions, its second derivative is another one."""
    module = nn.Sequential(nn.Conv2d(1, 4, 3), nn.GroupNorm(1, 4, affine=False), Summed(), nn.Flatten())
    _, arguments, directions = going_back(
        nn.Sequential(*module, nn.Linear(64, 10)), 3, data=tiny_data(side=6)
    )
    rows = [linearise(*arguments, one[None], Curvature.EXACT).parameters_bar for one in directions]
    found = linearise(*arguments, directions, Curvature.EXACT).parameters_bar
    assert relative_error(found, torch.cat(rows)) <= 1e-12


def test_the_path_of_models_and_why():
    assert choose_path(nn.Sequential(nn.Flatten(), nn.Linear(2, 2))) == (Path.RULES, "")
    reflected = nn.Conv2d(2, 2, 3, padding=1, padding_mode="reflect")
    assert choose_path(nn.Sequential(reflected, nn.Flatten(), nn.Linear(2, 2))) == (
        Path.FORWARD,
        "'0' (Conv2d) has no rule",
    )
    path, reason = choose_path(nn.Sequential(nn.Flatten(), nn.Linear(2, 2), nn.LSTM(2, 2)))
    assert path is Path.BACKWARD
    assert reason == "'2' (LSTM) has no rule"
    hooked = nn.Sequential(nn.Flatten(), nn.GELU())
    hooked[1].register_forward_hook(lambda *_: None)
    assert choose_path(hooked) == (Path.BACKWARD, "'1' (GELU) has a hook after its forward pass")
    settings = tiny_settings()
    settings["model"] = {"name": "densenet40"}
    assert built(settings, tiny_data(side=8)).model.path is Path.RULES


def test_a_step_leaves_the_state_before_it_alone():
    """A layer that updates its buffer in place, as PyTorch's batch norm does: what was recorded stays."""

    class InPlace(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("average", torch.zeros(4))
            self.linear = nn.Linear(4, 2)

        def forward(self, x):
            if self.training:
                with torch.no_grad():
                    self.average.add_(x.mean(0))
            return self.linear(x)

    model = FlatModel(InPlace())
    before = torch.ones(4)
    for _ in range(2):
        after = model.train_logits(model.initial, before, torch.ones(3, 4), None)[1]
        assert torch.equal(before, torch.ones(4))
        assert torch.equal(after, torch.full((4,), 2.0))


def test_two_ways_agree_up_to_round_off():
    numbers, nan = torch.tensor([1.0, -2.0, torch.inf]), torch.tensor([1.0, torch.nan])
    assert agree(numbers * (1 + 1e-7), numbers)
    assert agree(nan, nan)
    assert agree(torch.zeros(0), torch.zeros(0))
    assert not agree(numbers + torch.tensor([0.01, 0, 0]), numbers)
    assert not agree(nan, torch.tensor([1.0, 2.0]))
    assert not agree(torch.tensor([1.0, 2.0]), nan)


def test_too_little_memory_is_no_reason_for_another_path(monkeypatch):
    """It would be found on one machine and not on the next, and bits with it."""

    def too_little(*arguments):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

    process, _, _ = foreign_process("residual_sequence")
    state, batch = process.initial_state(), process.batch(0)
    monkeypatch.setattr(module_of_linearise, "_together", too_little)
    with pytest.raises(RuntimeError, match="allocate"):
        linearise(process, state.parameters, state.buffers, batch, state.parameters[None], Curvature.EXACT)
    assert process.model.path is Path.RULES

"""PyTorch's layers that are taken over: the same training where there is no noise, the same distribution where there
is."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from hydra_steps.errors import StudyError
from hydra_steps.models.dropout import Keyed, KeyedAttention
from hydra_steps.models.keyed import sample_keys
from hydra_steps.models.layers import BatchNorm
from hydra_steps.models.take_over import take_over
from tests.helpers.tiny import relative_error

NORMS = {
    "1d": (nn.BatchNorm1d(4), (6, 4)),
    "1d, places": (nn.BatchNorm1d(4, momentum=0.3, eps=1e-3), (6, 4, 5)),
    "2d": (nn.BatchNorm2d(4, affine=False), (6, 4, 3, 2)),
    "3d": (nn.BatchNorm3d(4), (3, 4, 2, 2, 2)),
}


@pytest.mark.parametrize("name", NORMS)
def test_batch_norm_trains_as_pytorchs_does(name):
    layer, shape = NORMS[name]
    theirs = nn.Sequential(copy.deepcopy(layer), nn.Flatten(), nn.LazyLinear(3)).double()
    theirs(torch.zeros(shape, dtype=torch.float64))
    mine = take_over(copy.deepcopy(theirs))
    assert type(mine[0]) is BatchNorm
    generator = torch.Generator().manual_seed(0)
    for module in (theirs, mine):
        optimizer = torch.optim.SGD(module.parameters(), 0.1, momentum=0.9)
        generator.manual_seed(0)
        for _ in range(5):
            x = torch.randn(shape, dtype=torch.float64, generator=generator)
            optimizer.zero_grad()
            module(x).square().mean().backward()
            optimizer.step()
    expected = {k: v for k, v in theirs.state_dict().items() if "num_batches" not in k}
    assert list(mine.state_dict()) == list(expected)
    for key, value in mine.state_dict().items():
        assert relative_error(value, expected[key]) <= 1e-12
    x = torch.randn(shape, dtype=torch.float64, generator=generator)
    assert relative_error(mine.eval()(x).detach(), theirs.eval()(x).detach()) <= 1e-12


NOISES = [
    nn.Dropout(0.3),
    nn.Dropout1d(0.3),
    nn.Dropout2d(0.3),
    nn.Dropout3d(0.3),
    nn.AlphaDropout(0.3),
    nn.FeatureAlphaDropout(0.3),
    nn.RReLU(0.1, 0.4),
    nn.Dropout(1.0),
    nn.Dropout(0.0),
]


@pytest.mark.parametrize("theirs", NOISES, ids=str)
def test_noise_has_pytorchs_distribution_and_is_a_function_of_the_keys(theirs):
    mine = take_over(copy.deepcopy(theirs))
    assert isinstance(mine, Keyed)
    axes = 3 if "1d" in str(theirs) else 5
    x = torch.randn(1, 8, *(4, 3, 2)[: axes - 2], generator=torch.Generator().manual_seed(0)).double()
    many = x.expand(6000, *x.shape[1:])
    mine.keys = sample_keys(0, 0, torch.arange(6000))
    found = mine(many)
    torch.manual_seed(1)
    expected = theirs(many)
    assert torch.allclose(found.mean(0), expected.mean(0), atol=0.1)
    assert torch.allclose(found.std(0), expected.std(0), atol=0.1)
    # Whole channels or single numbers: how often two numbers of a channel go together.
    together = [((y != x) & (y.roll(1, 2) != x.roll(1, 2))).double().mean() for y in (found, expected)]
    assert abs(together[0] - together[1]) < 0.02
    mine.keys = sample_keys(0, 0, torch.arange(6000)[[5, 17]])
    assert torch.equal(mine(many[:2]), found[[5, 17]])
    assert torch.equal(mine.eval()(x), theirs.eval()(x))


def test_a_layer_called_twice_draws_twice_and_again_the_same_in_the_next_pass():
    layer = take_over(nn.Dropout(0.5))
    keys, x = sample_keys(0, 0, torch.arange(50)), torch.ones(50, 20)
    layer.keys = keys
    first, second = layer(x), layer(x)
    layer.keys = keys
    assert torch.equal(layer(x), first)
    assert not torch.equal(first, second)


def test_layers_and_tensors_that_are_shared_stay_shared():
    norm, noise = nn.BatchNorm1d(3), nn.Dropout(0.1)
    module = take_over(nn.Sequential(norm, noise, nn.Sequential(norm, noise), nn.Dropout(0.1)))
    assert module[0] is module[2][0]
    assert module[1] is module[2][1]
    assert module[0].weight is norm.weight
    assert module[1].stream != module[3].stream


def test_hooks_modes_and_frozen_parameters_stay():
    norm, calls = nn.BatchNorm1d(3).eval(), []
    norm.weight.requires_grad_(False)
    norm.register_forward_hook(lambda *_: calls.append(1))
    made = take_over(nn.Sequential(norm))
    assert not made[0].training
    assert not made[0].weight.requires_grad
    made(torch.ones(2, 3))
    assert calls == [1]


def test_a_class_derived_from_one_of_these_is_left_alone():
    class Own(nn.Dropout):
        pass

    module = nn.Sequential(Own(0.2), nn.Dropout(0.2))
    module[1].forward = lambda x: x
    assert take_over(module)[0] is module[0]
    assert type(module[1]) is nn.Dropout


@pytest.mark.parametrize("settings", [{}, {"kdim": 3, "vdim": 5}, {"bias": False}, {"batch_first": False}])
@pytest.mark.parametrize("masked", [False, True])
def test_attention_with_dropout_is_pytorchs_where_nothing_is_dropped(settings, masked):
    torch.manual_seed(0)
    theirs = nn.MultiheadAttention(4, 2, dropout=0.3, **{"batch_first": True, **settings}).double()
    mine = take_over(copy.deepcopy(theirs))
    assert type(mine) is KeyedAttention
    shapes = [(3, 5, 4), (3, 6, settings.get("kdim", 4)), (3, 6, settings.get("vdim", 4))]
    inputs = [torch.randn(shape, dtype=torch.float64) for shape in shapes]
    if not theirs.batch_first:
        inputs = [x.transpose(0, 1) for x in inputs]
    masks = {}
    if masked:
        masks["key_padding_mask"] = torch.tensor([[False] * 4 + [True] * 2] * 3)
        masks["attn_mask"] = torch.ones(5, 6).tril(2) == 0
    mine.dropout = 1e-300  # nothing is dropped, by the way with dropout
    mine.keys = sample_keys(0, 0, torch.arange(3))
    found, weights = mine(*inputs, **masks)
    theirs.dropout = 0.0
    expected, theirs_weights = theirs(*inputs, **masks)
    assert relative_error(found.detach(), expected.detach()) <= 1e-12
    assert relative_error(weights.detach(), theirs_weights.detach()) <= 1e-12
    mine.dropout = 0.5
    mine.keys = sample_keys(0, 0, torch.arange(3))
    dropped, weights = mine(*inputs, need_weights=False)
    assert weights is None
    assert not torch.allclose(dropped, expected)


def test_attention_drops_the_same_weights_for_a_sample_in_any_batch():
    torch.manual_seed(0)
    layer = take_over(nn.MultiheadAttention(4, 2, dropout=0.5, batch_first=True))
    x, keys = torch.randn(6, 5, 4), sample_keys(0, 0, torch.arange(6))
    layer.keys = keys
    whole = layer(x, x, x)[0]
    layer.keys = keys[2:4]
    assert torch.allclose(layer(x[2:4], x[2:4], x[2:4])[0], whole[2:4], atol=1e-6)


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (nn.BatchNorm2d(3, track_running_stats=False), "'0' is batch norm without running statistics"),
        (nn.BatchNorm2d(3, momentum=None), "'0' is batch norm with momentum None"),
        (nn.MultiheadAttention(4, 2, 0.1, add_zero_attn=True), "'0' is attention with dropout"),
    ],
)
def test_settings_without_an_exact_form_are_refused(layer, message):
    with pytest.raises(StudyError, match=message):
        take_over(nn.Sequential(layer))

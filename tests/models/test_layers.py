"""This package's layers against PyTorch's, and its keyed randomness."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from hydra_steps.models.keyed import keyed_uniform, sample_keys
from hydra_steps.models.layers import BatchNorm
from tests.helpers.tiny import relative_error


@pytest.mark.parametrize("shape", [(6, 4), (6, 4, 3, 3), (1, 4, 2, 2)])
def test_batch_norm_is_torchs(shape):
    mine, theirs = BatchNorm(4).double(), (nn.BatchNorm2d if len(shape) == 4 else nn.BatchNorm1d)(4).double()
    for seed in range(3):
        x = torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
        assert relative_error(mine(x), theirs(x)) <= 1e-12
    assert relative_error(mine.running_mean, theirs.running_mean) <= 1e-12
    assert relative_error(mine.running_var, theirs.running_var) <= 1e-12
    assert relative_error(mine.eval()(x), theirs.eval()(x)) <= 1e-12
    assert mine.running_var.grad_fn is None


def test_noise_is_a_function_of_seed_epoch_and_sample_alone():
    keys = sample_keys(3, 1, torch.arange(6))
    one = keyed_uniform(keys, 0, 5)
    assert torch.equal(keyed_uniform(sample_keys(3, 1, torch.tensor([4])), 0, 5)[0], one[4])
    others = [keyed_uniform(sample_keys(3, 2, torch.arange(6)), 0, 5), keyed_uniform(keys, 1, 5)]
    assert all((other != one).all() for other in others)
    many = keyed_uniform(sample_keys(0, 0, torch.arange(2000)), 0, 50)
    assert abs(many.mean() - 0.5) < 0.005
    assert abs(many.var() - 1 / 12) < 0.002
    assert many.min() >= 0
    assert many.max() < 1

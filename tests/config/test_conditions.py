"""A variant's setting in words."""

from __future__ import annotations

from hydra_steps.config import resolve_study
from hydra_steps.config.conditions import conditions


def test_a_rate_is_said_where_the_kind_of_noise_has_one():
    study = resolve_study(
        {
            "seeds": [3],
            "data": {"name": "mnist", "train": 2000},
            "model": {"name": "mlp"},
            "training": {"epochs": 1},
            "variants": {"clean": {"noise": {"kind": "none"}}, "noisy": {"noise": {"rate": 0.5}}},
        }
    )
    assert conditions(study) == {
        "clean": "mnist, 2,000 samples, no noise, mlp, 1 epoch, 1 seed",
        "noisy": "mnist, 2,000 samples, symmetric noise 0.5, mlp, 1 epoch, 1 seed",
    }

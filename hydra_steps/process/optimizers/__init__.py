"""Optimizers of a study, by name; see :mod:`hydra_steps.process.optimizers.protocol`."""

from hydra_steps.process.optimizers.build import build_optimizer
from hydra_steps.process.optimizers.protocol import Optimizer, Scalar, add_product, add_quotient, add_scaled

__all__ = ["Optimizer", "Scalar", "add_product", "add_quotient", "add_scaled", "build_optimizer"]

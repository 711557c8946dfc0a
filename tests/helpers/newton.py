"""L2-regularised logistic regression trained to the last bit, and its true leave-one-out changes."""

from __future__ import annotations

import torch

from hydra_steps.process.process import Process
from hydra_steps.process.queries.query_set import QuerySet, expand_queries
from hydra_steps.scoring.curvature import curvature_product
from hydra_steps.trajectory.trajectory import Trajectory
from tests.helpers.tiny import built, tiny_data, tiny_settings


def optimum(
    process: Process,
    weights: torch.Tensor,
    decay: float,
    start: torch.Tensor,
    bent: torch.Tensor | None = None,
) -> torch.Tensor:
    """The minimiser of (1/N) Σ w_n ℓ_n + (λ/2)‖θ‖², by Newton's method; ``bent`` is a Hessian nearby to keep."""
    buffers = process.initial_state().buffers

    def objective(parameters: torch.Tensor) -> torch.Tensor:
        losses = process.loss.values(
            process.model.logits(parameters, buffers, process.inputs), process.targets
        )
        return (weights * losses).sum() / process.samples + decay / 2 * parameters.square().sum()

    parameters = start
    for _ in range(30):
        gradient = torch.func.grad(objective)(parameters)
        if gradient.norm() < 1e-12:
            return parameters
        hessian = torch.func.hessian(objective)(parameters) if bent is None else bent
        parameters = parameters - torch.linalg.solve(hessian, gradient)
    raise AssertionError(f"Newton's method did not converge: {gradient.norm()}")


def converged(
    samples: int = 400, decay: float = 0.1, left_out: int = 25
) -> tuple[Trajectory, QuerySet, torch.Tensor]:
    """A converged run, its queries, and the true change [q, m] of each query without each of the first samples.

    There are enough samples for one of them to be a small part: the change is then close to its derivative.
    """
    data, settings = tiny_data(samples=samples), tiny_settings(optimizer="sgd")
    settings["model"] = {"name": "logistic"}
    settings["training"]["optimizer"] = {
        "name": "sgd",
        "learning_rate": 0.1,
        "momentum": 0.0,
        "weight_decay": decay,
    }
    process = built(settings, data)
    specs = [{"kind": "mean_loss", "split": "test"}, {"kind": "sample_loss", "split": "test", "count": 2}]
    queries = QuerySet(expand_queries(specs, data), data, process)
    start = process.initial_state()
    ones = torch.ones(samples, dtype=torch.float64)
    final = start._replace(parameters=optimum(process, ones, decay, start.parameters))
    trajectory = Trajectory(
        process,
        [0.1] * process.steps,
        [0, process.steps],
        lambda step: final if step == process.steps else start,
    )
    base = queries.values(final)
    identity = torch.eye(len(final.parameters), dtype=torch.float64)
    bent = curvature_product(process, final, identity, "gauss_newton") + decay * identity
    without = []
    for n in range(left_out):
        weights = ones.clone()
        weights[n] = 0
        parameters = optimum(process, weights, decay, final.parameters, bent)
        without.append(queries.values(final._replace(parameters=parameters)) - base)
    return trajectory, queries, torch.stack(without, 1)

"""TracIn by captum's TracInCP on the states of a timed run: the same sum as ours, from another library.

    c[q, n] = Σ_i (m η / |B|) ⟨∇f_q(θ_{t_i}), ∇ℓ_n(θ_{t_i})⟩

Over whole epochs in whole batches every sample is drawn once per epoch, so that captum's one rate per checkpoint is
enough. captum forms the gradients of all samples, by matrix products of a layer's inputs and outputs where the
layers are linear or convolutions, else sample by sample.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import TensorDataset

from hydra_steps.benchmark.timed_run import TimedRun
from hydra_steps.errors import StudyError
from hydra_steps.process.queries.query_set import QuerySet
from hydra_steps.scoring.modules import module_at
from hydra_steps.scoring.tracin import checkpoint_steps, repeats

TOLERANCE = 1e-3  # of the largest contribution, in float32


def captum_tracin(run: TimedRun, queries: QuerySet) -> Tensor:
    """c[q, n] [q, n] at the ends of all epochs; every query is the loss of one sample."""
    from captum.influence import TracInCP  # an optional library

    process, trajectory = run.process, run.trajectory
    module = module_at(trajectory)
    weight: float = repeats(process) * run.rate / process.table.shape[1]

    def load(target: nn.Module, step: Any) -> float:
        target.load_state_dict(trajectory.state_dict(int(step)))
        return weight

    simple = all(
        isinstance(layer, nn.Linear | nn.Conv2d)
        for layer in module.modules()
        if any(True for _ in layer.parameters(recurse=False))
    )
    method = TracInCP(
        module,
        TensorDataset(process.inputs, process.targets),
        checkpoint_steps(trajectory, None),
        checkpoints_load_func=load,
        loss_fn=nn.CrossEntropyLoss(reduction="sum" if simple else "none"),
        batch_size=process.table.shape[1],
        sample_wise_grads_per_batch=simple,
    )
    images, labels = zip(*(queries.samples(query) for query in queries.queries), strict=True)
    found: Tensor = method.influence((torch.cat(images), torch.cat(labels)))
    return found


def serves(run: TimedRun) -> bool:
    """Whether captum takes what the run trains on: real numbers, and their class by cross-entropy."""
    inputs = run.process.inputs
    real = isinstance(inputs, Tensor) and inputs.is_floating_point()
    return real and run.settings.training.loss.name == "cross_entropy"


def check_same(ours: Tensor, theirs: Tensor) -> float:
    """The largest difference over the largest contribution; raises :class:`StudyError` above ``TOLERANCE``."""
    difference = (ours.double() - theirs.double()).abs().max().item() / ours.abs().max().item()
    if not difference <= TOLERANCE:
        raise StudyError(
            f"TracIn and captum's TracInCP differ by {difference:.3g} of the largest contribution",
            f"at most {TOLERANCE:g}: two clocks on two different results compare nothing",
            "remove tracin from the study's methods, or look at the model's layers",
        )
    return difference

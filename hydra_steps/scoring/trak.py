"""TRAK: the model as a linear one in randomly projected gradients of its margins, by dattri.

    τ_n = ⟨φ_q, (Φᵀ Φ + r I)^{-1} φ_n⟩ σ(−m_n)        φ_n = P ∇m_n(θ) / √p,   φ_q = P ∇f_q(θ) / √p

m is the log-odds of the sample's label and σ(−m) = 1 − p the probability of all others; the first factor and σ(−m) are
averaged over checkpoints of the training. Park et al., ICML 2023. dattri takes p in the model's precision, in which
1 − p is 0 from m = 17 on: σ(−m) is computed here instead, from m in float64. The contribution is −τ: what the query
rises without the sample. Rank only: TRAK leaves out the curvature of the loss. Index letters: q queries, n samples, p
parameters.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Annotated

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from hydra_steps.errors import Diverged, StudyError
from hydra_steps.process.process import Process
from hydra_steps.process.queries.query_set import QuerySet
from hydra_steps.process.running import evaluation_chunk
from hydra_steps.progress import others_hidden
from hydra_steps.registry.decorators import method
from hydra_steps.registry.types import Seed
from hydra_steps.scoring.contribution import Contribution
from hydra_steps.scoring.modules import module_at, one_tensor
from hydra_steps.scoring.tracin import checkpoint_steps
from hydra_steps.tasks.classes import CrossEntropy, margins
from hydra_steps.trajectory.trajectory import Trajectory

BATCH = 512  # dattri makes the projection anew for every batch: few large ones


@method(
    "trak",
    title="TRAK",
    unit="rank only",
    computes="a linear model in randomly projected gradients of the margins, averaged over checkpoints (dattri)",
    cost="a few epochs and a random projection per checkpoint, any number of queries",
    needs="the states at the ends of some epochs",
    use="many queries on a large model; it is at its best with several independent trainings",
    libraries=["dattri"],
    work={"gradients": "10 * checkpoints", "gradients_per_query": "1"},
    memory="checkpoints * n * min(projection, n) + min(n, 512) * p",
    colour="#332288",
    marker="*",
    order=130,
    targets=("class",),
)
def trak(
    trajectory: Trajectory,
    queries: QuerySet,
    *,
    checkpoints: Annotated[int, "1 <= x <= 10000"] = 5,
    projection: Annotated[int, "1 <= x <= 65536"] = 512,
    regularization: Annotated[float, "0 <= x <= 1e6"] = 0.0,
    seed: Seed = 0,
) -> Contribution:
    """TRAK, a linear model in randomly projected gradients, by dattri; rank only.

    −τ [q, n] float64; positive helps. The diagnostics count the samples with σ(−m) = 0, hence no contribution: m above
    745.

    Options:
        checkpoints: Number of epochs' ends, spread evenly with the last among them.
        projection: Dimensions of the random projection.
        regularization: Added to the diagonal of the matrix that is inverted.
        seed: Seed of the projection.
    """
    from dattri.algorithm.trak import TRAKAttributor  # an optional library
    from dattri.task import AttributionTask

    process, module = trajectory.process, module_at(trajectory)
    if not isinstance(process.loss, CrossEntropy) or process.loss.class_weights:
        raise StudyError(
            "TRAK was asked of a training with another loss than cross_entropy without class_weights",
            "probabilities of classes",
            "remove the method, or set training.loss.name to cross_entropy",
        )
    smoothing = process.loss.label_smoothing
    steps = checkpoint_steps(trajectory, checkpoints)

    def logits(parameters: Mapping[str, Tensor], image: Tensor) -> Tensor:
        row: Tensor = torch.func.functional_call(module, dict(parameters), image[None])
        return row

    def margin(parameters: Mapping[str, Tensor], data: tuple[Tensor, Tensor]) -> Tensor:
        return margins(logits(parameters, data[0]), data[1][None]).sum()

    def loss(parameters: Mapping[str, Tensor], data: tuple[Tensor, Tensor]) -> Tensor:
        # Cross-entropy by its margin, whose gradient −σ(−m) ∇m is not lost where p − 1 is 0 in float32.
        z = logits(parameters, data[0])
        of_label = -functional.logsigmoid(margins(z, data[1][None]))
        return ((1 - smoothing) * of_label - smoothing * z.log_softmax(-1).mean(-1)).sum()

    def nothing(parameters: Mapping[str, Tensor], data: tuple[Tensor, Tensor]) -> Tensor:
        return torch.zeros_like(data[1]).to(process.dtype)  # a p of 0, for a factor of 1

    states = [trajectory.state_dict(step) for step in steps]
    tasks = {
        kind: AttributionTask(loss_func=margin, model=module, checkpoints=states, target_func=target)
        for kind, target in (("loss", loss), ("margin", margin))
    }
    projection = min(projection, process.samples)
    attributor = TRAKAttributor(
        tasks["loss"],
        nothing,
        projector_kwargs={
            "proj_dim": projection,
            "proj_max_batch_size": 32,
            "proj_seed": seed,
            "proj_type": "normal",
            "device": str(process.device),
        },
        regularization=regularization,
        device=str(process.device),
    )
    try:
        with others_hidden():
            attributor.cache(_loader(one_tensor(process, "TRAK"), process.targets))
    except torch.linalg.LinAlgError as error:  # type: ignore[attr-defined]  # public, but torch does not mark it so
        raise Diverged(
            f"TRAK's kernel of {projection} projected dimensions is singular",
            "a matrix that can be inverted",
            "lower the method's projection, or set its regularization above 0",
        ) from error
    mistaken = _mistaken(process, module, states)
    values = torch.zeros(len(queries), process.samples, dtype=torch.float64, device=process.device)
    for kind, task in tasks.items():
        chosen = [i for i, query in enumerate(queries.queries) if query.quantity == kind]
        if not chosen:
            continue
        own = copy.copy(attributor)
        own.grad_target_func = task.get_grad_target_func(in_dims=(None, 0))
        parts = [queries.samples(queries.queries[i]) for i in chosen]
        images, labels = (torch.cat(tensors) for tensors in zip(*parts, strict=True))
        with others_hidden():
            scores = own.attribute(_loader(images, labels)).double()  # [n, m]
        of_query = scores.split([len(part) for _, part in parts], dim=1)
        values[chosen] = -torch.stack([columns.mean(1) for columns in of_query]) * mistaken
    without = int((mistaken == 0).sum())
    return Contribution(
        values, {"checkpoints": steps, "projection": projection, "samples_without_gradient": without}
    )


@torch.no_grad()
def _mistaken(process: Process, module: nn.Module, states: Sequence[Mapping[str, Tensor]]) -> Tensor:
    """The mean of σ(−m_n) over the models with ``states``: [n] float64."""
    parts = []
    for state in states:
        chunks = process.inputs.split(evaluation_chunk(process.device))
        logits = [torch.func.functional_call(module, dict(state), images) for images in chunks]
        parts.append(torch.sigmoid(-margins(torch.cat(logits).double(), process.targets)))
    return torch.stack(parts).mean(0)


def _loader(images: Tensor, labels: Tensor) -> DataLoader[tuple[Tensor, ...]]:
    return DataLoader(TensorDataset(images, labels), batch_size=BATCH, shuffle=False)

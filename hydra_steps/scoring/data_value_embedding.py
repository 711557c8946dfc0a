"""Data value embedding: the whole training with the empirical Fisher matrix for the Hessian, by dattri.

    e_t,n = η̂_t (I − M_t) P ∇ℓ_n(θ_t),   M_{t−1} = M_t + Σ_{n∈B_t} e_t,n (P ∇ℓ_n)ᵀ,   c[q, n] = Σ_t ⟨P ∇f_q, e_t,n⟩

from the last step to the first, with η̂_t = m η_t / |B_t|, m as in TracIn for the momentum, and P a random projection
(none: exact). Wang et al., ICLR 2025. It is HyDRA's reverse sweep with another matrix and without momentum's own
state; of the methods here it is also the closest to SOURCE's averages over segments, which no library offers for
image models. Index letters: q queries, n samples, t steps, p parameters, k projected dimensions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any

import torch
from torch import Tensor

from hydra_steps.errors import Diverged, StudyError
from hydra_steps.process.queries.query_set import QuerySet
from hydra_steps.progress import Progress, others_hidden
from hydra_steps.registry.decorators import method
from hydra_steps.registry.types import Seed
from hydra_steps.scoring.contribution import Contribution
from hydra_steps.scoring.gradient_products import per_sample_gradients
from hydra_steps.scoring.modules import module_at
from hydra_steps.scoring.tracin import repeats
from hydra_steps.trajectory.trajectory import Trajectory


@method(
    "data_value_embedding",
    average=False,
    title="Data value embedding",
    unit="query",
    computes="the training's product of steps with the empirical Fisher matrix, in a random projection (dattri)",
    cost="one epoch of per-sample gradients per epoch, and k × k products per step, any number of queries",
    needs="the states before every step",
    use="many queries and every step of the training; the projection is its error",
    libraries=["dattri"],
    work={"steps": "10", "steps_per_query": "0.1"},
    memory="(p if projection is None else min(projection, p)) * (e * n + n + p)",
    colour="#44AA99",
    marker="h",
    line=(0, (4, 2)),
    order=140,
)
def data_value_embedding(
    trajectory: Trajectory,
    queries: QuerySet,
    *,
    projection: Annotated[int | None, "1 <= x <= 65536"] = 512,
    seed: Seed = 0,
) -> Contribution:
    """Data value embedding, the training with the empirical Fisher matrix in a random projection, by dattri.

    c[q, n] [q, n] float64, in the query's unit; positive helps. Memory: T |B| k numbers, k the dimensions of
    the projection. Raises :class:`StudyError` for models with batch norm, whose per-sample gradients are not
    defined.

    Options:
        projection: Dimensions of the random projection. null for none.
        seed: Seed of the projection.
    """
    from dattri.algorithm.dvemb import DVEmbAttributor  # an optional library
    from dattri.task import AttributionTask

    process, final = trajectory.process, trajectory.final_state
    if process.model.coupled:
        raise StudyError(
            "data_value_embedding needs the gradient of single samples, which the model's layers of type BatchNorm "
            "do not have",
            "a model without batch norm",
            "remove the method from this study, or turn model.batch_norm off",
        )
    project = projector(len(final.parameters), projection, seed, final.parameters)
    module = module_at(trajectory)

    def loss(parameters: Mapping[str, Tensor], data: Any) -> Tensor:
        raise NotImplementedError("gradients are given, never asked for")

    attributor = DVEmbAttributor(
        AttributionTask(loss_func=loss, model=module, checkpoints=module.state_dict())
    )
    gradients: list[Tensor] = []
    rates: list[float] = []
    indices: list[Tensor] = []
    with Progress(total=trajectory.steps, desc="data value embedding", unit="step", mininterval=1) as bar:
        for segment in trajectory.segments():
            for step, state in enumerate(segment.states, segment.start):
                batch = process.batch(step)
                gradients.append(project(per_sample_gradients(process, state, batch)))
                rates.append(repeats(process) * trajectory.rates[step] / len(batch))
                indices.append(batch.index)
                bar.update()
    attributor.data_indices = {0: indices}
    try:
        with others_hidden():
            attributor.cache({0: gradients}, {0: rates})
    except ValueError as error:
        if "NaN" not in str(error):
            raise
        raise Diverged(
            f"the embedding is no longer finite ({error})",
            "steps short enough for the empirical Fisher matrix",
            "lower training.optimizer.learning_rate, or take another method",
        ) from error
    embedded = attributor.embeddings[0]
    by_query = project(queries.gradients(final)) if len(queries) else embedded[:0]
    values = torch.zeros(len(queries), process.samples, dtype=torch.float64, device=process.device)
    values[:, : len(embedded)] = (by_query @ embedded.T).double()
    return Contribution(values, {"projection": embedded.shape[1]})


def projector(parameters: int, width: int | None, seed: int, like: Tensor) -> Callable[[Tensor], Tensor]:
    """x [b, p] → P x [b, k] with E[Pᵀ P] = I; the identity for no projection. One matrix for the whole training:
    dattri's own projection makes its matrix anew in every call."""
    if width is None or width >= parameters:
        return lambda rows: rows
    generator = torch.Generator().manual_seed(seed)
    matrix = torch.randn(parameters, width, generator=generator) / width**0.5
    matrix = matrix.to(like)
    return lambda rows: rows @ matrix

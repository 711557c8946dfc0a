"""Influence functions with the EK-FAC approximation of the Gauss–Newton matrix (curvlinops), and RelatIF on them.

    c[q, n] = (1/N) ⟨(K + (d + λ) I)^{-1} ∇f_q(θ_T), ∇ℓ_n(θ_T)⟩

K is block-diagonal over layers, each block a Kronecker product's eigenvectors with corrected eigenvalues, and λ the
weight decay's curvature (:mod:`hydra_steps.scoring.influence`; its mean over the parameters for AdamW). George et
al., NeurIPS 2018; Grosse et al., 2023. RelatIF (Barshan et al., AISTATS 2020) asks which samples matter for this
query rather than for all:

    loss        c[q, n] / ⟨∇ℓ_n, (K + …)^{-1} ∇ℓ_n⟩^{1/2}         parameters   c[q, n] / ‖(K + …)^{-1} ∇ℓ_n‖

Both quotients depend on the direction of ∇ℓ_n alone, and are computed from it
(:mod:`hydra_steps.scoring.directions`). The first is at most (1/N) ⟨∇f_q, (K + …)^{-1} ∇f_q⟩^{1/2}.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import torch
from torch import Tensor, nn

from hydra_steps.config.targets import CLASS
from hydra_steps.errors import StudyError, Unsuited
from hydra_steps.process.process import Process
from hydra_steps.process.queries.query_set import QuerySet
from hydra_steps.registry.decorators import method
from hydra_steps.scoring.contribution import Contribution
from hydra_steps.scoring.curvature import decay_curvature, mean_damping
from hydra_steps.scoring.directions import sample_directions, unit, vanished
from hydra_steps.scoring.gradients import final_products
from hydra_steps.scoring.modules import module_at, one_tensor
from hydra_steps.tasks.classes import CrossEntropy, MeanSquaredError
from hydra_steps.tasks.numbers import SquaredError
from hydra_steps.trajectory.trajectory import Trajectory

BATCH = 256
SUPPORTED = (nn.Linear, nn.Conv2d)
Damping = Annotated[float, "0 < x <= 1e6"]


@method(
    "influence_ekfac",
    title="Influence (EK-FAC)",
    unit="query",
    computes="influence function, the Gauss–Newton matrix approximated by eigenvalue-corrected Kronecker factors",
    cost="two backward passes over the data per class, any number of queries",
    use="the best value among influence functions: many queries, larger models",
    libraries=["curvlinops"],
    work={"gradients": "25", "gradients_per_query": "1"},
    memory="k + p + q * p",
    colour="#E69F00",
    marker="<",
    line=(0, (3, 1, 1, 1)),
    order=70,
    targets=("class", "numbers"),
)
def influence_ekfac(
    trajectory: Trajectory,
    queries: QuerySet,
    *,
    damping: Damping = 0.01,
) -> Contribution:
    """Influence function with eigenvalue-corrected Kronecker factors, by curvlinops.

    c[q, n] [q, n] float64, in the query's unit; positive helps. Raises :class:`StudyError` for a layer that
    curvlinops does not support.

    Options:
        damping: Added to the matrix's diagonal, besides the weight decay.
    """
    process, final = trajectory.process, trajectory.final_state
    effective = damping + mean_damping(decay_curvature(trajectory))
    inverse = ekfac_inverse(trajectory, effective)
    directions = (inverse @ queries.gradients(final).T).T
    values = final_products(process, final, directions) / process.samples
    return Contribution(values, {"effective_damping": effective})


@method(
    "relatif",
    title="RelatIF",
    unit="rank only",
    computes="influence by EK-FAC, relative to the sample's influence on everything",
    cost="EK-FAC's, and one epoch with a matrix product per sample",
    use="to explain a prediction, where plain influence keeps naming the same outliers",
    libraries=["curvlinops"],
    work={"gradients": "40", "gradients_per_query": "1"},
    memory="k + p + 3 * min(n, 256) * p",
    colour="#B8860B",
    marker="p",
    line=(0, (4, 2)),
    order=90,
    targets=("class", "numbers"),
)
def relatif(
    trajectory: Trajectory,
    queries: QuerySet,
    *,
    damping: Damping = 0.01,
    constraint: Literal["loss", "parameters"] = "loss",
) -> Contribution:
    """RelatIF, influence relative to the sample's own length, on the same factors; rank only.

    c[q, n] over the sample's own length [q, n] float64; positive helps. Samples with a gradient of exactly 0 have no
    direction: their score is 0, and the diagnostics count them.

    Options:
        damping: Added to the matrix's diagonal, besides the weight decay.
        constraint: Relative to the sample's effect on the loss, or on the parameters.
    """
    process, final = trajectory.process, trajectory.final_state
    effective = damping + mean_damping(decay_curvature(trajectory))
    inverse = ekfac_inverse(trajectory, effective)
    towards, sizes = queries.directions(final)
    by_query = (inverse @ towards.T).T.double() * sizes[:, None]
    on_loss = constraint == "loss"
    parts, none = [by_query.new_zeros(len(queries), 0)], 0
    for rows in sample_directions(process, final, BATCH):
        none += int(vanished(rows).sum())
        directions = unit(rows)
        changes = (inverse @ directions.to(rows).T).T.double()
        squares = (directions if on_loss else changes) * changes
        length = squares.sum(1).clamp_min(0).sqrt()
        parts.append(torch.where(length > 0, by_query @ directions.T / length, 0) / process.samples)
    diagnostics = {"effective_damping": effective, "samples_without_gradient": none}
    return Contribution(torch.cat(parts, 1), diagnostics)


def ekfac_inverse(trajectory: Trajectory, damping: float) -> Any:
    """The operator (K + damping·I)^{-1} on vectors in the order of the parameters [p, m]."""
    from curvlinops import EKFACLinearOperator  # an optional library
    from curvlinops.inverse import KFACInverseLinearOperator

    process, module = trajectory.process, module_at(trajectory)
    check_layers(module)
    squared = isinstance(process.loss, MeanSquaredError | SquaredError)
    if not squared and (not isinstance(process.loss, CrossEntropy) or process.loss.class_weights):
        raise StudyError(
            f"EK-FAC was asked of a training with the loss {process.settings.training.loss.name}"
            + (" and class_weights" if isinstance(process.loss, CrossEntropy) else ""),
            "cross_entropy without class_weights, mean_squared_error, or squared_error",
            "remove the method from this study, or choose such a loss",
        )
    if not squared and process.outputs < 2:
        raise Unsuited(
            "the data have one class, so that its cross-entropy has no curvature", "two classes or more"
        )
    loss: nn.Module = nn.MSELoss() if squared else nn.CrossEntropyLoss()  # label smoothing has no curvature
    data = [
        (images, _targets(process, labels) if squared else labels)
        for images, labels in zip(
            one_tensor(process, "EK-FAC").split(BATCH), process.targets.split(BATCH), strict=True
        )
    ]
    factors = EKFACLinearOperator(
        module,
        loss,
        list(module.parameters()),
        data,
        fisher_type="type-2",  # the exact inner factor, no sampling: the same numbers every time
        separate_weight_and_bias=False,
        check_deterministic=False,
        num_data=process.samples,
        num_per_example_loss_terms=1,
    )
    return KFACInverseLinearOperator(factors, damping=damping, use_exact_damping=True)


def check_layers(module: nn.Module) -> None:
    """Refuse a layer with parameters that curvlinops has no Kronecker factors for, by its name and type."""
    for name, layer in module.named_modules():
        if any(True for _ in layer.parameters(recurse=False)) and not isinstance(layer, SUPPORTED):
            raise StudyError(
                f"EK-FAC (curvlinops) does not support the layer {name!r} of type {type(layer).__name__}",
                "models whose parameters are all in linear and convolution layers",
                "remove the method from this study, or turn model.batch_norm off",
            )


def _targets(process: Process, labels: Tensor) -> Tensor:
    if process.asks != CLASS:
        return labels
    return nn.functional.one_hot(labels, process.outputs).to(process.dtype)

"""The cosine between the query's and the sample's gradient at the final state.

    ⟨∇f_q(θ_T), ∇ℓ_n(θ_T)⟩ / (‖∇f_q(θ_T)‖ ‖∇ℓ_n(θ_T)‖)

Without the lengths, samples with a large loss do not outweigh all others: both gradients count by their directions
alone (:mod:`hydra_steps.scoring.directions`), whatever their scale. Index letters: q queries, n samples, p parameters.
"""

from __future__ import annotations

import torch

from hydra_steps.process.queries.query_set import QuerySet
from hydra_steps.registry.decorators import method
from hydra_steps.scoring.contribution import Contribution
from hydra_steps.scoring.directions import sample_directions, unit, vanished
from hydra_steps.trajectory.trajectory import Trajectory


@method(
    "gradient_cosine",
    title="Gradient cosine",
    unit="rank only",
    computes="cosine between the query's and the sample's gradient at the final state",
    cost="about one epoch, any number of queries",
    use="when a few samples with a large loss dominate the gradient product",
    work={"gradients": "3", "gradients_per_query": "1"},
    memory="2 * q * p + 3 * min(n, 64) * p",
    colour="#AA4499",
    marker="d",
    line=(0, (3, 1, 1, 1)),
    order=120,
)
def gradient_cosine(
    trajectory: Trajectory,
    queries: QuerySet,
) -> Contribution:
    """Cosine between the query's and the sample's gradient at the final state; rank only.

    Cosines [q, n] float64 in [−1, 1], 0 where a gradient is exactly 0; positive helps.

    The diagnostics name the queries, and count the samples, whose gradient is exactly 0.
    """
    process, final = trajectory.process, trajectory.final_state
    by_query, _ = queries.directions(final)
    directions, parts, none = unit(by_query), [], 0
    for rows in sample_directions(process, final):
        parts.append((directions @ unit(rows).T).clamp(-1, 1))  # round-off can pass 1
        none += int(vanished(rows).sum())
    values = torch.cat(parts, 1) if parts else directions.new_zeros(len(queries), 0)
    return Contribution(
        values,
        {
            "queries_without_gradient": [
                name for name, zero in zip(queries.names, vanished(by_query).tolist(), strict=True) if zero
            ],
            "samples_without_gradient": none,
        },
    )

"""Products of loss gradients with given directions, ⟨d_q, ∇ℓ_n(θ)⟩ for all samples of a batch.

One direction: one forward pass with a tangent, no gradient materialised. Many: per-sample gradients once, then one
matrix product with all directions. With batch norm a sample's gradient is not defined on its own, and the
tangent form serves any number of directions. Of a recurrent network PyTorch takes gradients of many samples step by
step of the sequence, which pays late.
"""

from __future__ import annotations

from torch import Tensor, nn

from hydra_steps.process.linearise import linearise
from hydra_steps.process.linearised import Curvature
from hydra_steps.process.paths import Path
from hydra_steps.process.process import Batch, Process
from hydra_steps.process.state import State
from hydra_steps.scoring.per_sample import gradient_rows

# Directions from which per-sample gradients pay.
MATERIALISE_FROM = 8  # LeNet-5, batch 64
# By layer rules, width 32, batch 32 of 32 tokens; PyTorch's LSTM is one operation.
MATERIALISE_RECURRENT_FROM: dict[type[nn.Module], int] = {nn.GRU: 96, nn.RNN: 96, nn.LSTM: 24}


def batch_products(
    process: Process, state: State, batch: Batch, directions: Tensor, weights: Tensor | None = None
) -> Tensor:
    """⟨d_q, ∇ℓ_n(θ)⟩ [q, b] in training mode (the batch's own noise), for ``directions`` [q, p].

    ``weights`` [n] are the data weights, which batch norm's statistics may depend on.
    """
    model = process.model
    kinds = model.recurrent if model.path is Path.RULES else ()
    pays_from = min((MATERIALISE_RECURRENT_FROM[kind] for kind in kinds), default=MATERIALISE_FROM)
    if len(directions) >= pays_from and not model.coupled:
        return directions @ per_sample_gradients(process, state, batch).T
    return linearise(
        process, state.parameters, state.buffers, batch, directions, Curvature.NONE, weights
    ).slopes


def per_sample_gradients(process: Process, state: State, batch: Batch) -> Tensor:
    """∇ℓ_n(θ) [b, p] in training mode; not defined for models with batch norm."""

    def loss(parameters: Tensor, image: Tensor, label: Tensor, key: Tensor | None) -> Tensor:
        keys = None if key is None else key[None]
        logits, _ = process.model.train_logits(parameters, state.buffers, image[None], keys)
        return process.loss.values(logits, label[None]).sum()

    return gradient_rows(process, loss, state.parameters, batch.inputs, batch.targets, batch.keys)

"""Detectors of wrong labels that need no gradient: what a practitioner would try first.

    margin              z_y − max_{k≠y} z_k at the final state
    area_under_margin   the same, averaged over the ends of all epochs              Pleiss et al., NeurIPS 2020
    forgetting          − how often the sample was right after one epoch and wrong after the next, and −E if it
                        never was right                                             Toneva et al., ICLR 2019
    el2n                − ‖softmax(z) − onehot(y)‖₂ after an early epoch            Paul et al., NeurIPS 2021
    knn_disagreement    − share of the k nearest training samples with another label

All give one number for a sample, the same for every query; rank only: the lowest are suspected to harm.
Evaluation mode, without augmentation. Index letters: n samples, c classes, q queries.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from sklearn.neighbors import NearestNeighbors
from torch import Tensor

from hydra_steps.errors import StudyError
from hydra_steps.process.queries.query_set import QuerySet
from hydra_steps.scoring.modules import epoch_ends, epoch_logits, module_at, penultimate, train_logits
from hydra_steps.scoring.registry import Contribution, scorer
from hydra_steps.tasks.losses import CrossEntropy, is_label
from hydra_steps.trajectory.trajectory import Trajectory

EVERY_EPOCH = "the states at the ends of epochs"


def label_margins(logits: Tensor, labels: Tensor) -> Tensor:
    """z_y − max_{k≠y} z_k [n] float64, for logits [n, c]."""
    own = is_label(labels, logits)
    return (logits.where(own, 0).sum(-1) - logits.masked_fill(own, -torch.inf).amax(-1)).double()


def same_for_all(values: Tensor, queries: QuerySet) -> Contribution:
    """One number per sample [n] as contributions [q, n]."""
    return Contribution(values.double().expand(len(queries), -1))


@scorer(
    "margin",
    unit="rank only",
    summary="the label's logit less the largest other one, at the end of training",
    cost="one evaluation of the training data",
    use="the quickest look for wrong labels, while the model has not learnt them by heart",
)
def margin(trajectory: Trajectory, queries: QuerySet, options: Mapping[str, Any]) -> Contribution:
    """Margins [q, n] float64; rank only, the lowest are suspected to harm."""
    process = trajectory.process
    return same_for_all(label_margins(train_logits(process, trajectory.final_state), process.labels), queries)


@scorer(
    "area_under_margin",
    unit="rank only",
    summary="the margin averaged over the ends of all epochs",
    cost="one evaluation of the training data per epoch",
    needs=EVERY_EPOCH,
    use="wrong labels that the model ends up learning by heart",
)
def area_under_margin(trajectory: Trajectory, queries: QuerySet, options: Mapping[str, Any]) -> Contribution:
    """Mean margins over the epochs [q, n] float64; rank only, the lowest are suspected to harm."""
    labels = trajectory.process.labels
    total = torch.zeros(len(labels), dtype=torch.float64, device=labels.device)
    for logits in epoch_logits(trajectory):
        total += label_margins(logits, labels)
    return same_for_all(total / trajectory.process.epochs, queries)


@scorer(
    "forgetting",
    unit="rank only",
    summary="how often a sample was learnt and forgotten again; never learnt counts most",
    cost="one evaluation of the training data per epoch",
    needs=EVERY_EPOCH,
    use="long trainings: with few epochs most samples tie",
)
def forgetting(trajectory: Trajectory, queries: QuerySet, options: Mapping[str, Any]) -> Contribution:
    """Minus the number of forgetting events [q, n] float64 between ends of epochs (the original counts between
    visits); samples that never were right get −E, which no number of events reaches. Rank only."""
    labels = trajectory.process.labels
    events = torch.zeros(len(labels), dtype=torch.float64, device=labels.device)
    before, ever = torch.zeros_like(labels, dtype=torch.bool), torch.zeros_like(labels, dtype=torch.bool)
    for logits in epoch_logits(trajectory):
        right = logits.argmax(-1) == labels
        events += (before & ~right).double()
        before, ever = right, ever | right
    return same_for_all(-torch.where(ever, events, float(trajectory.process.epochs)), queries)


@scorer(
    "el2n",
    unit="rank only",
    summary="length of the error vector, probabilities less one-hot label, after an early epoch",
    cost="one evaluation of the training data",
    needs="the state at the end of one epoch",
    use="when only the first epochs can be afforded",
)
def el2n(trajectory: Trajectory, queries: QuerySet, options: Mapping[str, Any]) -> Contribution:
    """Minus the EL2N score [q, n] float64 of this one training (the original averages several); rank only.

    Option ``epoch``, counted from 1; None takes a tenth of the training, as the original does.
    """
    process = trajectory.process
    epoch = int(options.get("epoch") or max(1, round(process.epochs / 10)))
    if epoch > process.epochs:
        raise StudyError(
            f"el2n asks for epoch {epoch}",
            f"at most {process.epochs}, the epochs of the training",
            "lower epoch",
        )
    logits = train_logits(process, trajectory.state(epoch_ends(trajectory)[epoch - 1]))
    direction, size = CrossEntropy().direction(logits, process.labels)  # of the error, small ones not lost
    return same_for_all(-torch.linalg.vector_norm(direction, dim=-1) * size.exp(), queries)


@scorer(
    "knn_disagreement",
    unit="rank only",
    summary="share of the nearest training samples that carry another label",
    cost="one evaluation of the training data and a search for neighbours, O(n²) distances",
    use="images whose neighbours look alike; on pixels it needs no training at all",
)
def knn_disagreement(trajectory: Trajectory, queries: QuerySet, options: Mapping[str, Any]) -> Contribution:
    """Minus the share of the ``neighbours`` (10) nearest other samples with another label [q, n] float64; rank only.

    Option ``features``: ``penultimate``, the inputs of the final state's last linear layer, or ``pixels``.
    Euclidean distance, scikit-learn's exact search.
    """
    process = trajectory.process
    count = int(options.get("neighbours", 10))
    if count >= process.samples:
        raise StudyError(
            f"knn_disagreement asks for {count} neighbours of {process.samples} training samples",
            f"at most {process.samples - 1}",
            "lower neighbours",
        )
    if options.get("features", "penultimate") == "pixels":
        features = process.images.flatten(1)
    else:
        features = penultimate(module_at(trajectory), process.images)
    search = NearestNeighbors(n_neighbors=count, algorithm="brute").fit(features.double().cpu().numpy())
    nearest = torch.from_numpy(search.kneighbors(return_distance=False))
    labels = process.labels.cpu()
    return same_for_all(-(labels[nearest] != labels[:, None]).double().mean(1), queries)

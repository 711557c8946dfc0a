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

from typing import Annotated, Literal

import torch
from sklearn.neighbors import NearestNeighbors
from torch import Tensor

from hydra_steps.errors import StudyError, Unsuited
from hydra_steps.process.queries.query_set import QuerySet
from hydra_steps.registry.decorators import method
from hydra_steps.scoring.contribution import Contribution
from hydra_steps.scoring.modules import epoch_ends, epoch_logits, features_at, train_logits
from hydra_steps.tasks.classes import CrossEntropy, is_label
from hydra_steps.trajectory.trajectory import Trajectory


def label_margins(logits: Tensor, labels: Tensor) -> Tensor:
    """z_y − max_{k≠y} z_k [n] float64, for logits [n, c]. Raises :class:`Unsuited` for one class.

    >>> label_margins(torch.tensor([[2.0, 0.5, 1.0]]), torch.tensor([0]))
    tensor([1.], dtype=torch.float64)
    """
    if logits.shape[-1] < 2:
        raise Unsuited("the data have one class, so that no label has a margin", "two classes or more")
    own = is_label(labels, logits)
    return (logits.where(own, 0).sum(-1) - logits.masked_fill(own, -torch.inf).amax(-1)).double()


def same_for_all(values: Tensor, queries: QuerySet) -> Contribution:
    """One number per sample [n] as contributions [q, n]."""
    return Contribution(values.double().expand(len(queries), -1))


@method(
    "margin",
    title="Margin",
    unit="rank only",
    computes="the label's logit less the largest other one, at the end of training",
    cost="one evaluation of the training data",
    use="the quickest look for wrong labels, while the model has not learnt them by heart",
    work={"gradients": "1"},
    colour="#6B6B6B",
    marker="v",
    line=(0, (5, 1)),
    order=160,
    targets=("class",),
)
def margin(
    trajectory: Trajectory,
    queries: QuerySet,
) -> Contribution:
    """The label's logit less the largest other, at the final state; rank only.

    Margins [q, n] float64, the lowest are suspected to harm.
    """
    process = trajectory.process
    return same_for_all(
        label_margins(train_logits(process, trajectory.final_state), process.targets), queries
    )


@method(
    "area_under_margin",
    title="Area under margin",
    unit="rank only",
    computes="the margin averaged over the ends of all epochs",
    cost="one evaluation of the training data per epoch",
    needs="the states at the ends of epochs",
    use="wrong labels that the model ends up learning by heart",
    work={"gradients": "e"},
    colour="#7A5C3A",
    marker="^",
    line=(0, (3, 1, 1, 1)),
    order=170,
    targets=("class",),
)
def area_under_margin(
    trajectory: Trajectory,
    queries: QuerySet,
) -> Contribution:
    """The margin averaged over the ends of all epochs; rank only.

    Mean margins over the epochs [q, n] float64, the lowest are suspected to harm.
    """
    labels = trajectory.process.targets
    total = torch.zeros(len(labels), dtype=torch.float64, device=labels.device)
    for logits in epoch_logits(trajectory):
        total += label_margins(logits, labels)
    return same_for_all(total / trajectory.process.epochs, queries)


@method(
    "forgetting",
    title="Forgetting events",
    unit="rank only",
    computes="how often a sample was learnt and forgotten again; never learnt counts most",
    cost="one evaluation of the training data per epoch",
    needs="the states at the ends of epochs",
    use="long trainings: with few epochs most samples tie",
    work={"gradients": "e"},
    colour="#999933",
    marker="D",
    line=(0, (4, 2)),
    order=180,
    targets=("class",),
)
def forgetting(
    trajectory: Trajectory,
    queries: QuerySet,
) -> Contribution:
    """How often a sample was right after an epoch and wrong after the next, negated; rank only.

    Minus the number of forgetting events [q, n] float64 between ends of epochs (the original counts between
    visits); samples that never were right get −E, which no number of events reaches.
    """
    labels = trajectory.process.targets
    events = torch.zeros(len(labels), dtype=torch.float64, device=labels.device)
    before, ever = torch.zeros_like(labels, dtype=torch.bool), torch.zeros_like(labels, dtype=torch.bool)
    for logits in epoch_logits(trajectory):
        right = logits.argmax(-1) == labels
        events += (before & ~right).double()
        before, ever = right, ever | right
    return same_for_all(-torch.where(ever, events, float(trajectory.process.epochs)), queries)


@method(
    "el2n",
    title="EL2N",
    unit="rank only",
    computes="length of the error vector, probabilities less one-hot label, after an early epoch",
    cost="one evaluation of the training data",
    needs="the state at the end of one epoch",
    use="when only the first epochs can be afforded",
    work={"gradients": "1"},
    require={"epoch is None or epoch <= e": "an epoch of the training"},
    colour="#117733",
    marker="P",
    line=(0, (1, 1)),
    order=190,
    targets=("class",),
)
def el2n(
    trajectory: Trajectory,
    queries: QuerySet,
    *,
    epoch: Annotated[int | None, "x >= 1"] = None,
) -> Contribution:
    """Length of the error vector after an early epoch, negated; rank only.

    Minus the EL2N score [q, n] float64 of this one training (the original averages several).

    Options:
        epoch: The epoch, counted from 1. null takes a tenth of all, as the original does.
    """
    process = trajectory.process
    epoch = epoch or max(1, round(process.epochs / 10))
    if epoch > process.epochs:
        raise StudyError(
            f"el2n asks for epoch {epoch}",
            f"at most {process.epochs}, the epochs of the training",
            "lower epoch",
        )
    logits = train_logits(process, trajectory.state(epoch_ends(trajectory)[epoch - 1]))
    direction, size = CrossEntropy().direction(logits, process.targets)  # of the error, small ones not lost
    return same_for_all(-torch.linalg.vector_norm(direction, dim=-1) * size.exp(), queries)


@method(
    "knn_disagreement",
    title="k-NN disagreement",
    unit="rank only",
    computes="share of the nearest training samples that carry another label",
    cost="one evaluation of the training data and a search for neighbours, O(n²) distances",
    use="images whose neighbours look alike; on pixels it needs no training at all",
    work={"gradients": "2"},
    require={"neighbours < n": "fewer neighbours than training samples"},
    colour="#8C6D46",
    marker="X",
    line=(0, (5, 1)),
    order=200,
    targets=("class",),
)
def knn_disagreement(
    trajectory: Trajectory,
    queries: QuerySet,
    *,
    neighbours: Annotated[int, "1 <= x <= 10000"] = 10,
    features: Literal["penultimate", "pixels"] = "penultimate",
) -> Contribution:
    """Share of the nearest training samples with another label, negated; rank only.

    Minus the share of the nearest other samples with another label [q, n] float64. Euclidean distance,
    scikit-learn's exact search. Raises :class:`Unsuited` for fewer samples than neighbours.

    Options:
        neighbours: How many nearest samples.
        features: Where distances are taken: the inputs of the final model's last layer, or the images.
    """
    process = trajectory.process
    if neighbours >= process.samples:
        raise Unsuited(
            f"it asks for the {neighbours} nearest neighbours of each of {process.samples} training samples",
            f"at most {process.samples - 1} neighbours",
            "lower neighbours",
        )
    inputs = features_at(trajectory, features)
    search = NearestNeighbors(n_neighbors=neighbours, algorithm="brute").fit(inputs.double().cpu().numpy())
    nearest = torch.from_numpy(search.kneighbors(return_distance=False))
    labels = process.targets.cpu()
    return same_for_all(-(labels[nearest] != labels[:, None]).double().mean(1), queries)

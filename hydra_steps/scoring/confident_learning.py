"""Detectors of wrong labels from cleanlab: confident learning on out-of-fold probabilities, and Datalab.

Both give the quality of each sample's label in [0, 1], the same for every query; rank only, the lowest are suspected
to harm. Northcutt et al., JAIR 2021. The out-of-fold probabilities are those of the study's own model: it is trained
again without each fold, in the same order, at the same rates and from the same start, and asked about that fold.
"""

from __future__ import annotations

import contextlib
import io
from typing import Annotated, Literal

import numpy as np
import torch
from sklearn.model_selection import StratifiedKFold

from hydra_steps.errors import Diverged, Unsuited
from hydra_steps.process.queries.query_set import QuerySet
from hydra_steps.process.running import retrain
from hydra_steps.registry.decorators import method
from hydra_steps.scoring.contribution import Contribution
from hydra_steps.scoring.detectors import same_for_all
from hydra_steps.scoring.modules import features_at, train_logits
from hydra_steps.trajectory.trajectory import Trajectory

NEIGHBOURS = 10  # Datalab's own number


@method(
    "confident_learning",
    title="Confident learning",
    unit="rank only",
    computes="cleanlab's label quality from out-of-fold probabilities of the study's own model",
    cost="one training per fold",
    needs="the process, which it runs again",
    use="what practitioners use for wrong labels when some more trainings are affordable",
    libraries=["cleanlab"],
    work={"steps": "1.1 * folds", "gradients": "1"},
    require={"folds <= n": "at most as many folds as training samples"},
    colour="#661100",
    marker="p",
    line=(0, (4, 2)),
    order=210,
    targets=("class",),
)
def confident_learning(
    trajectory: Trajectory,
    queries: QuerySet,
    *,
    folds: Annotated[int, "2 <= x <= 1000"] = 5,
    quality: Literal["self_confidence", "normalized_margin"] = "self_confidence",
) -> Contribution:
    """cleanlab's label quality, from probabilities of the study's model trained without each fold; rank only.

    cleanlab's label quality scores [q, n] float64. The diagnostics count the issues it would report. Raises
    :class:`Unsuited` for labels of one class, and where no class has a sample for each fold; :class:`Diverged` where
    a fold's training does.

    Options:
        folds: Number of folds; each is one training.
        quality: Which of cleanlab's scores.
    """
    from cleanlab.filter import find_label_issues  # an optional library
    from cleanlab.rank import get_label_quality_scores

    labels = _labels(trajectory)
    probabilities = out_of_fold(trajectory, folds)
    scores = get_label_quality_scores(labels, probabilities, method=quality)
    issues = find_label_issues(labels, probabilities, n_jobs=1)
    found = same_for_all(torch.from_numpy(np.asarray(scores, dtype=np.float64)), queries)
    return Contribution(found.values, {"issues": int(np.sum(issues)), "folds": folds})


def _labels(trajectory: Trajectory) -> np.ndarray:
    """The training labels [n], refused where all are the same: nothing can be taken for anything else then."""
    labels = trajectory.process.targets.cpu().numpy()
    if len(np.unique(labels)) < 2:
        kept = f"all {len(labels)} training labels are of one class"
        raise Unsuited(kept, "labels of two classes or more, of which one is taken for another")
    return labels


def out_of_fold(trajectory: Trajectory, folds: int) -> np.ndarray:
    """Probabilities [n, c] float64 of each sample by the model trained without its fold; folds keep the classes'
    shares."""
    process = trajectory.process
    labels = process.targets.cpu().numpy()
    largest = int(np.bincount(labels).max())
    if folds > largest:
        raise Unsuited(
            f"it asks for {folds} folds of {len(labels)} training samples, and no class has more than {largest}",
            "one sample for each fold in a class",
            "lower folds",
        )
    split = StratifiedKFold(folds, shuffle=True, random_state=process.seed)
    probabilities: np.ndarray | None = None
    with np.errstate(all="ignore"):
        for _, held_out in split.split(np.zeros(len(labels)), labels):
            state = retrain(process, trajectory.rates, held_out.tolist())
            part = train_logits(process, state).double().softmax(-1).cpu().numpy()
            probabilities = np.zeros_like(part) if probabilities is None else probabilities
            probabilities[held_out] = part[held_out]
    assert probabilities is not None
    if not np.isfinite(probabilities).all():
        raise Diverged(
            "training without a fold gave probabilities that are not finite", fix="lower the learning rate"
        )
    return probabilities


@method(
    "datalab",
    title="Datalab",
    unit="rank only",
    computes="cleanlab's Datalab, its check for wrong labels on the final model's features",
    cost="one evaluation of the training data and a search for neighbours",
    use="a check that needs nothing but features and labels",
    libraries=["cleanlab", "datasets"],
    work={"gradients": "5"},
    colour="#AA4466",
    marker="h",
    line=(0, (3, 1, 1, 1)),
    order=220,
    targets=("class",),
)
def datalab(
    trajectory: Trajectory,
    queries: QuerySet,
    *,
    features: Literal["penultimate", "pixels"] = "penultimate",
) -> Contribution:
    """cleanlab's Datalab, its check for wrong labels on features; rank only.

    Datalab's label scores [q, n] float64. Given features alone, Datalab takes the votes of the ten nearest
    other samples for probabilities: the same information as ``knn_disagreement`` with ten neighbours, by
    another implementation. Raises :class:`Unsuited` for labels of one class, for fewer than eleven samples, and for
    what else Datalab gives no scores.

    Options:
        features: Which features: the inputs of the final model's last layer, or the images.
    """
    from cleanlab import Datalab  # an optional library

    labels = _labels(trajectory)
    if len(labels) <= NEIGHBOURS:
        found = f"it asks for the {NEIGHBOURS} nearest neighbours of each of {len(labels)} training samples"
        raise Unsuited(found, f"more than {NEIGHBOURS} training samples")
    inputs = features_at(trajectory, features)
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        lab = Datalab({"label": labels}, label_name="label", verbosity=0)
        lab.find_issues(features=inputs.double().cpu().numpy(), issue_types={"label": {}})
    try:
        scores = lab.get_issues("label")
    except ValueError as error:  # Datalab prints what went wrong, and goes on without
        why = next((line for line in said.getvalue().splitlines() if line.startswith("Error")), str(error))
        raise Unsuited(f"Datalab gives no scores of labels ({why})", "scores of labels") from error
    values = same_for_all(torch.from_numpy(scores["label_score"].to_numpy(np.float64)), queries).values
    return Contribution(values, {"issues": int(scores["is_label_issue"].sum())})

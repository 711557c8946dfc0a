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

from hydra_steps.errors import StudyError
from hydra_steps.process.queries.query_set import QuerySet
from hydra_steps.process.running import retrain
from hydra_steps.registry.decorators import method
from hydra_steps.scoring.contribution import Contribution
from hydra_steps.scoring.detectors import same_for_all
from hydra_steps.scoring.modules import features_at, train_logits
from hydra_steps.trajectory.trajectory import Trajectory


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
    colour="#661100",
    marker="p",
    line=(0, (4, 2)),
    order=210,
)
def confident_learning(
    trajectory: Trajectory,
    queries: QuerySet,
    *,
    folds: Annotated[int, "2 <= x <= 1000"] = 5,
    quality: Literal["self_confidence", "normalized_margin"] = "self_confidence",
) -> Contribution:
    """cleanlab's label quality, from probabilities of the study's model trained without each fold; rank only.

    cleanlab's label quality scores [q, n] float64. The diagnostics count the issues it would report.

    Options:
        folds: Number of folds; each is one training.
        quality: Which of cleanlab's scores.
    """
    from cleanlab.filter import find_label_issues  # an optional library
    from cleanlab.rank import get_label_quality_scores

    labels = trajectory.process.labels.cpu().numpy()
    probabilities = out_of_fold(trajectory, folds)
    scores = get_label_quality_scores(labels, probabilities, method=quality)
    issues = find_label_issues(labels, probabilities, n_jobs=1)
    found = same_for_all(torch.from_numpy(np.asarray(scores, dtype=np.float64)), queries)
    return Contribution(found.values, {"issues": int(np.sum(issues)), "folds": folds})


def out_of_fold(trajectory: Trajectory, folds: int) -> np.ndarray:
    """Probabilities [n, c] float64 of each sample by the model trained without its fold; folds keep the classes'
    shares."""
    process = trajectory.process
    labels = process.labels.cpu().numpy()
    if folds > process.samples:
        raise StudyError(
            f"confident_learning asks for {folds} folds of {process.samples} samples", fix="lower folds"
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
    another implementation.

    Options:
        features: Which features: the inputs of the final model's last layer, or the images.
    """
    from cleanlab import Datalab  # an optional library

    process = trajectory.process
    inputs = features_at(trajectory, features)
    with contextlib.redirect_stdout(io.StringIO()):
        lab = Datalab({"label": process.labels.cpu().numpy()}, label_name="label", verbosity=0)
        lab.find_issues(features=inputs.double().cpu().numpy(), issue_types={"label": {}})
        scores = lab.get_issues("label")
    found = same_for_all(torch.from_numpy(scores["label_score"].to_numpy(np.float64)), queries)
    return Contribution(found.values, {"issues": int(scores["is_label_issue"].sum())})

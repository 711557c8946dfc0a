"""Detectors of wrong labels from cleanlab: confident learning on out-of-fold probabilities, and Datalab.

Both give the quality of each sample's label in [0, 1], the same for every query; rank only, the lowest are suspected
to harm. Northcutt et al., JAIR 2021. The out-of-fold probabilities are those of the study's own model: it is trained
again without each fold, in the same order, at the same rates and from the same start, and asked about that fold.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from sklearn.model_selection import StratifiedKFold

from hydra_steps.errors import StudyError
from hydra_steps.process.queries.query_set import QuerySet
from hydra_steps.process.running import retrain
from hydra_steps.scoring.detectors import same_for_all
from hydra_steps.scoring.modules import module_at, penultimate, train_logits
from hydra_steps.scoring.registry import Contribution, scorer
from hydra_steps.trajectory.trajectory import Trajectory


@scorer(
    "confident_learning",
    unit="rank only",
    summary="cleanlab's label quality from out-of-fold probabilities of the study's own model",
    cost="one training per fold",
    needs="the process, which it runs again",
    use="what practitioners use for wrong labels when some more trainings are affordable",
)
def confident_learning(trajectory: Trajectory, queries: QuerySet, options: Mapping[str, Any]) -> Contribution:
    """cleanlab's label quality scores [q, n] float64; rank only. The diagnostics count the issues it would report.

    Options: ``folds`` (5), ``quality``: ``self_confidence`` or ``normalized_margin``.
    """
    from cleanlab.filter import find_label_issues  # an optional library
    from cleanlab.rank import get_label_quality_scores

    labels = trajectory.process.labels.cpu().numpy()
    probabilities = out_of_fold(trajectory, int(options.get("folds", 5)))
    quality = get_label_quality_scores(
        labels, probabilities, method=str(options.get("quality", "self_confidence"))
    )
    issues = find_label_issues(labels, probabilities, n_jobs=1)
    found = same_for_all(torch.from_numpy(np.asarray(quality, dtype=np.float64)), queries)
    return Contribution(found.values, {"issues": int(np.sum(issues)), "folds": int(options.get("folds", 5))})


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


@scorer(
    "datalab",
    unit="rank only",
    summary="cleanlab's Datalab, its check for wrong labels on the final model's features",
    cost="one evaluation of the training data and a search for neighbours",
    use="a check that needs nothing but features and labels",
)
def datalab(trajectory: Trajectory, queries: QuerySet, options: Mapping[str, Any]) -> Contribution:
    """Datalab's label scores [q, n] float64; rank only.

    Option ``features``: ``penultimate``, the inputs of the final state's last linear layer, or ``pixels``. Given
    features alone, Datalab takes the votes of the ten nearest other samples for probabilities: the same
    information as ``knn_disagreement`` with ten neighbours, by another implementation.
    """
    from cleanlab import Datalab  # an optional library

    process = trajectory.process
    if options.get("features", "penultimate") == "pixels":
        features = process.images.flatten(1)
    else:
        features = penultimate(module_at(trajectory), process.images)
    with contextlib.redirect_stdout(io.StringIO()):
        lab = Datalab({"label": process.labels.cpu().numpy()}, label_name="label", verbosity=0)
        lab.find_issues(features=features.double().cpu().numpy(), issue_types={"label": {}})
        scores = lab.get_issues("label")
    found = same_for_all(torch.from_numpy(scores["label_score"].to_numpy(np.float64)), queries)
    return Contribution(found.values, {"issues": int(scores["is_label_issue"].sum())})

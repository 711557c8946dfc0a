"""Instance-dependent label noise: hard samples are mislabelled more often, as what they look like.

For sample ``n`` with clean label ``y_n`` let ``p[n, b]`` be the out-of-fold probability of class ``b`` by a
logistic regression on the images. Its flip probability is ``q_n = σ(log((1 − p[n, y_n]) / p[n, y_n]) + t)``,
the odds of a mistake shifted by one ``t`` for all, which is set so that ``Σ_n q_n = K = round(rate · N)``.
Exactly K samples are then flipped, each with probability ``q_n`` (systematic sampling in random order), and a
flipped sample gets class ``b ≠ y_n`` with probability ``p[n, b] / (1 − p[n, y_n])``.

In the spirit of Chen, Ye, Chen, Zhao & Heng (2021, "Beyond class-conditional assumption: a primary attempt to
combat instance-dependent label noise"), who take both from a network's averaged predictions.
"""

from __future__ import annotations

import numpy as np

from hydra_steps.data.clean_targets import CleanTargets, touched_count
from hydra_steps.data.seeding import apportion, random_order
from hydra_steps.registry.decorators import noise
from hydra_steps.registry.types import Share

FOLDS = 5
LARGEST_SIDE = 16  # larger images are halved by averages of 2×2 pixels
COMPONENTS = 32  # then reduced to their first principal components
SMOOTHING = 1e-4  # share of the uniform distribution mixed into p, so that every class stays possible


@noise("instance", title="replaced by a rule that depends on the image", images=True)
def instance(clean: CleanTargets, rate: Share = 0.2) -> np.ndarray:
    """Depends on the image: hard samples are mislabelled more often, as what they look like.

    Exactly ``round(rate · n)`` labels differ. Cost: a principal component analysis, ``FOLDS`` logistic regressions
    with ``COMPONENTS`` features, and O(n · classes).

    Options:
        rate: Share of the training labels that are redrawn.
    """
    if clean.inputs is None:
        raise ValueError("instance noise needs the images")
    n = len(clean)
    flips = touched_count(clean, rate)
    order = random_order(n, clean.stream)
    offset, targets = clean.stream.random(), clean.stream.random(n)
    labels = clean.targets.copy()
    if flips == 0:
        return labels
    p = out_of_fold_probabilities(clean.inputs, labels, clean.outputs, order)  # [n, classes]
    q = flip_probabilities(1.0 - p[np.arange(n), labels], flips)  # [n]
    flipped = order[apportion(q[order], offset) == 1]
    others = p[flipped]
    others[np.arange(len(flipped)), labels[flipped]] = 0.0
    edges = np.cumsum(others / others.sum(axis=1, keepdims=True), axis=1)  # [flipped, classes]
    edges[:, -1] = 1.0
    # The first class whose edge lies above the uniform number; an own class has no width and is never hit.
    labels[flipped] = (targets[flipped, None] >= edges).sum(axis=1)
    return labels


def flip_probabilities(mistake: np.ndarray, flips: int) -> np.ndarray:
    """Return ``q`` ``[n]``: the probabilities ``mistake`` ``[n]``, in (0, 1), shifted in log-odds to sum to
    ``flips``."""
    from scipy.optimize import brentq
    from scipy.special import expit, logit

    n = len(mistake)
    if flips in (0, n):
        return np.full(n, flips / max(n, 1))
    odds = logit(np.clip(mistake, 1e-9, 1 - 1e-9))
    shift = brentq(lambda t: expit(odds + t).sum() - flips, -100.0, 100.0, xtol=1e-12)
    probabilities: np.ndarray = expit(odds + shift)
    return probabilities


def out_of_fold_probabilities(
    images: np.ndarray, labels: np.ndarray, classes: int, order: np.ndarray
) -> np.ndarray:
    """Return class probabilities float64 ``[n, classes]``, each sample's from a regression that did not see
    it.

    ``order`` is a random permutation that deals the samples to the folds. A class that is missing from a
    fold's training samples keeps its smoothing share; with fewer than two classes the probabilities are
    uniform.
    """
    from sklearn.linear_model import LogisticRegression

    n = len(labels)
    features = _features(images)
    p = np.full((n, classes), 1.0 / classes)
    fold = np.empty(n, dtype=np.int64)
    fold[order] = np.arange(n) % FOLDS
    for k in range(min(FOLDS, n)):
        seen, held = fold != k, fold == k
        if len(np.unique(labels[seen])) < 2:
            continue
        model = LogisticRegression(C=0.1, max_iter=200, tol=1e-3).fit(features[seen], labels[seen])
        predicted = np.zeros((int(held.sum()), classes))
        predicted[:, model.classes_] = model.predict_proba(features[held])
        # Rounded, so that the last bits of a solver, which vary with the number of threads, decide no label.
        p[held] = np.round((1 - SMOOTHING) * predicted + SMOOTHING / classes, 6)
    return p


def _features(images: np.ndarray) -> np.ndarray:
    """Return float64 ``[n, ≤ COMPONENTS]`` of mean square spread 1: halved images, principal components."""
    while images.ndim == 4 and min(images.shape[2:]) > LARGEST_SIDE:  # rows and other arrays stay as they are
        n, c, h, w = (*images.shape[:2], *(size // 2 for size in images.shape[2:]))
        images = images[:, :, : 2 * h, : 2 * w].reshape(n, c, h, 2, w, 2).mean(axis=(3, 5))
    flat = images.reshape(len(images), -1).astype(np.float64)
    if flat.shape[1] > COMPONENTS and len(flat) > COMPONENTS:
        from sklearn.decomposition import PCA

        flat = PCA(COMPONENTS, svd_solver="covariance_eigh").fit_transform(flat)
    spread = np.sqrt(np.mean(flat.std(axis=0) ** 2)) if len(flat) else 1.0
    return (flat - flat.mean(axis=0)) / (spread or 1.0) if len(flat) else flat

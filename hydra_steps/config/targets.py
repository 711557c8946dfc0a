"""What is asked of a sample: a class, several labels, numbers or the next tokens; and what of a study fits each.

The task says which targets its loss takes, the dataset which it has. Of what a study chooses by name, queries, noises
and methods say whom they fit (trait ``targets``; empty: all).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from hydra_steps.registry import Entry, find
from hydra_steps.registry.expressions import evaluate

# Sentences, captions and figures are written about labels; of numbers and tokens they speak of targets.
_OF_TARGETS = (
    ("label noise", "noise"),
    ("Label noise", "Noise"),
    ("mislabelled", "wrong"),
    ("classified correctly", "predicted right"),
    ("label", "target"),
    ("Label", "Target"),
)
CLASS, LABELS, NUMBERS, TOKENS = "class", "labels", "numbers", "tokens"
# In words, after "a sample's".
WORDS = {CLASS: "class", LABELS: "labels", NUMBERS: "numbers", TOKENS: "next tokens"}


@dataclass(frozen=True)
class Metric:
    """How well a split is predicted: ``title`` and ``axis`` in figures, ``words`` in sentences, ``factor`` to the unit
    shown (100: per cent), ``ends`` of what it can be, and whether more is ``better``."""

    name: str
    title: str
    axis: str
    words: str
    factor: float = 1.0
    ends: tuple[float, float] = (0.0, 1.0)
    better: bool = True


METRICS = {
    metric.name: metric
    for metric in (
        Metric("accuracy", "Accuracy", "correct (%)", "accuracy", 100.0),
        Metric("mean_accuracy", "Accuracy", "labels correct (%)", "accuracy over labels", 100.0),
        Metric("f1", "F1", "mean F1 of the labels", "F1 of the labels"),
        Metric("r2", "R²", "R²", "R²", 1.0, (-math.inf, 1.0)),
        Metric("perplexity", "Perplexity", "perplexity per token", "perplexity", 1.0, (1.0, math.inf), False),
    )
}


def worded(text: str, asks: str) -> str:
    """Return a text about labels in the words of what is asked of a sample.

    >>> worded("It finds wrong labels.", "numbers")
    'It finds wrong targets.'
    """
    if asks in (CLASS, LABELS):
        return text
    for about_labels, about_targets in _OF_TARGETS:
        text = text.replace(about_labels, about_targets)
    return text


def metric_among(names: Iterable[str]) -> Metric:
    """Return the metric that a table measures the test split by: its ``metric`` column holds ``test_accuracy`` or the
    like; accuracy where it holds none."""
    found = set(names)
    return next((one for one in METRICS.values() if f"test_{one.name}" in found), METRICS["accuracy"])


def metric_of(task: str) -> Metric:
    """Return the metric of a task."""
    return METRICS[find("task", task, "training.loss.name").traits["metric"]]


def targets_of(task: str) -> str:
    """Return the targets that a task takes."""
    return str(find("task", task, "training.loss.name").traits["targets"])


def outputs_of(task: str, n: int) -> int:
    """Return how many outputs a task asks of the model, where there are ``n`` classes, labels, numbers or tokens."""
    return int(evaluate(find("task", task, "training.loss.name").traits["outputs"], {"n": n}))


def fits(entry: Entry, asks: str) -> bool:
    """Whether what is chosen by name is made for what is asked of a sample."""
    return not (allowed := made_for(entry)) or asks in allowed


def made_for(entry: Entry) -> list[str]:
    targets = entry.traits["targets"]
    return [targets] if isinstance(targets, str) else list(targets)

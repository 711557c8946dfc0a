"""What was asked of a sample and what the model answered, in words that the page looks up by number.

Of classes the words are their names. Of several labels, of numbers and of tokens every different answer is a word.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from hydra_steps.config.datasets import Dataset
from hydra_steps.config.targets import CLASS, LABELS, NUMBERS
from hydra_steps.data.target_columns import column_names


def answers_in_words(
    answers: pd.DataFrame, labels: pd.DataFrame, entry: Dataset
) -> tuple[pd.DataFrame, np.ndarray | None, list[str]]:
    """Return ``predictions.csv`` with ``label`` and ``predicted`` as places among the words, the clean ones of the
    training split [n] (None where these are not known), and the words."""
    known = not labels["is_noisy"].isna().any()
    if entry.asks == CLASS:
        return answers, labels["clean_label"].to_numpy() if known else None, list(entry.classes)
    given = _given(answers, entry)
    predicted = _predicted(answers, entry)
    clean = _clean(labels, given[: len(labels)], entry) if known else []
    words = {text: place for place, text in enumerate(dict.fromkeys([*given, *predicted, *clean]))}
    numbered = answers.assign(
        label=[words[text] for text in given], predicted=[words[text] for text in predicted]
    )
    return numbered, np.array([words[text] for text in clean]) if known else None, list(words)


def _given(answers: pd.DataFrame, entry: Dataset) -> list[str]:
    """What was asked, of all rows; those of the training split stand first."""
    if entry.asks in (LABELS, NUMBERS):
        return _texts(answers[column_names(entry.asks, len(entry.outputs))].to_numpy(float), entry)
    return [f"{count} tokens" for count in answers["asked"]]


def _predicted(answers: pd.DataFrame, entry: Dataset) -> list[str]:
    if entry.asks in (LABELS, NUMBERS):
        columns = [f"predicted_{place + 1}" for place in range(len(entry.outputs))]
        return _texts(answers[columns].to_numpy(float), entry)
    return [f"{value:.3g}" for value in np.exp(answers["loss"])]


def _clean(labels: pd.DataFrame, given: Sequence[str], entry: Dataset) -> list[str]:
    if entry.asks in (LABELS, NUMBERS):
        columns = [f"clean_{name}" for name in column_names(entry.asks, len(entry.outputs))]
        return _texts(labels[columns].to_numpy(float), entry)
    wrong = labels["is_noisy"].to_numpy(bool)
    return [f"{text}, some others" if one else text for text, one in zip(given, wrong, strict=True)]


def _texts(values: np.ndarray, entry: Dataset) -> list[str]:
    """Rows of values [n, k] in words: numbers with three digits, labels by their names."""
    names = entry.outputs
    if entry.asks == LABELS:
        rows = [[name for name, value in zip(names, row, strict=True) if value > 0.5] for row in values]
        return [", ".join(row) or "none" for row in rows]
    if len(names) == 1:
        return [f"{row[0]:.3g}".replace("-", "−") for row in values]
    return [
        ", ".join(f"{name} {value:.3g}".replace(" -", " −") for name, value in zip(names, row, strict=True))
        for row in values
    ]

"""Labels of any kind as classes: texts, whole numbers that start anywhere and have gaps, truth values."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from hydra_steps.errors import StudyError

_NUMBER = re.compile(r"[-+]?\d+(\.\d*)?([eE][-+]?\d+)?")
LISTED = 12  # classes in a message


def encode(
    labels: Sequence[Any] | np.ndarray, names: Sequence[str], where: str, classes: Sequence[str] | None = None
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return the labels as int64 [n], and the names of the classes that they count.

    Classes are sorted, by value where all are numbers; ``classes`` fixes them and their order. Raises
    :class:`StudyError`, with ``where`` they come from, for labels that are missing, that are real numbers, or that make
    fewer than two classes or a class of each sample.

    >>> encode([3, 1, 3, 10], list("abcd"), "y")[0].tolist(), encode([3, 1, 3, 10], list("abcd"), "y")[1]
    ([1, 0, 1, 2], ('1', '3', '10'))
    """
    texts = [
        _text(value, name, where) for value, name in zip(np.asarray(labels).tolist(), names, strict=True)
    ]
    texts = _whole(texts, names, where)
    found = list(classes) if classes is not None else _sorted(set(texts))
    unknown = sorted(set(texts) - set(found))
    if unknown:
        raise StudyError(
            f"{where} has the label {unknown[0]!r} ({names[texts.index(unknown[0])]})",
            f"one of {listed(found)}",
            "correct the label, or the list of classes",
        )
    if len(found) < 2:
        raise StudyError(
            f"{where} has {'no label' if not found else f'one label alone, {found[0]!r}'}",
            "labels of at least 2 classes",
            "name the column or the folder that holds the classes",
        )
    if len(texts) > 2 and len(found) == len(texts):
        raise StudyError(
            f"{where} has {len(found):,} different labels for {len(texts):,} samples",
            "classes that samples share",
            "name the column that holds the class (it looks like one that names the samples)",
        )
    places = {text: place for place, text in enumerate(found)}
    return np.array([places[text] for text in texts], np.int64), tuple(found)


def check_classes(counts: dict[str, list[int]], classes: Sequence[str], where: str) -> None:
    """Raise :class:`StudyError`, with the counts, for a class that a part has and the training part has not.

    ``counts``: samples of each class by part.
    """
    train = counts.get("train", [])
    for part, own in counts.items():
        absent = [place for place, count in enumerate(own) if count and not train[place]]
        if absent:
            told = ", ".join(
                f"{classes[place]} {own[place]} in {part}, 0 in train" for place in absent[:LISTED]
            )
            raise StudyError(
                f"{where}: a model cannot learn a class that it is never shown ({told})",
                "training samples of each class",
                "move samples of the class into the training part, or leave the class out",
            )


def listed(words: Sequence[str]) -> str:
    """Return some of the words, and how many more there are."""
    more = f" and {len(words) - LISTED:,} more" if len(words) > LISTED else ""
    return ", ".join(words[:LISTED]) + more


def counted(labels: Iterable[str]) -> str:
    """Return how often each label stands, the most frequent first: ``cat 3, dog 1``."""
    return listed([f"{label} {count}" for label, count in Counter(labels).most_common()])


def _text(value: Any, name: str, where: str) -> str:
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if value is None or value == "" or value != value:
        raise StudyError(
            f"{where}: {name} has no label", "a label of each sample", "fill it in, or remove the sample"
        )
    if isinstance(value, list | dict):
        raise StudyError(
            f"{where}: the label of {name} is {value!r}",
            "one class: a text or a whole number",
            "give each sample one",
        )
    return str(value)


def _whole(texts: list[str], names: Sequence[str], where: str) -> list[str]:
    """Return numbers that are whole without their decimals; refuse real ones. Texts stay, ``01`` too."""
    if not all(_NUMBER.fullmatch(text) for text in texts):
        return texts
    for text, name in zip(texts, names, strict=True):
        if not float(text).is_integer():
            raise StudyError(
                f"{where}: the label of {name} is {text}, a real number",
                "classes: texts or whole numbers",
                "name the column that holds the classes",
            )
    return [text.split(".")[0] if "e" not in text.lower() else str(int(float(text))) for text in texts]


def _sorted(texts: set[str]) -> list[str]:
    try:
        return sorted(texts, key=lambda text: (int(text), text))
    except ValueError:
        return sorted(texts)

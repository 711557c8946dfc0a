"""What is known of a dataset before a byte is read: classes, shape and sizes, and what a study makes of them.

Read from the dataset's declaration, in plain Python, so that a study which asks for more samples than there are is
refused where it is planned.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hydra_steps.config.sections import Data
from hydra_steps.errors import StudyError
from hydra_steps.registry import Entry, find


@dataclass(frozen=True)
class Dataset:
    """A dataset as it is declared (:func:`hydra_steps.registry.decorators.dataset`).

    ``shape`` is (channels, height, width). ``parts`` maps a published part (``train``, ``test``) to its number of
    samples; a dataset with only ``train`` is one from which all splits are taken. ``mean`` and ``std``, one number
    per channel, are those of the train part's pixels divided by ``white``, the value of a full pixel. ``bundled`` is
    the SHA-256 of the content of data that ship with a dependency. ``fetched``: it has raw files. ``reads``: patterns
    of the files in its folder that it is read from; None where these are its raw files.
    """

    name: str
    title: str
    classes: tuple[str, ...]
    shape: tuple[int, int, int]
    parts: Mapping[str, int]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    white: float
    reference: str
    bundled: str
    fetched: bool
    reads: tuple[str, ...] | None


def dataset(name: str) -> Dataset:
    """Return the dataset called ``name``; an unknown name is a :class:`StudyError` with the nearest known one."""
    entry = find("dataset", name, "data.name")
    told = entry.traits
    _check(entry)
    channels, height, width = told["shape"]
    return Dataset(
        name=name,
        title=entry.title,
        classes=tuple(told["classes"]),
        shape=(channels, height, width),
        parts=told["parts"],
        mean=tuple(told["mean"]) or (0.0,) * channels,
        std=tuple(told["std"]) or (1.0,) * channels,
        white=told["white"],
        reference=told["reference"],
        bundled=told["bundled"],
        fetched=told["files"],
        reads=None if told["files"] else tuple(told["reads"]),
    )


def _check(entry: Entry) -> None:
    """Raise :class:`StudyError`, with the declaration's line, for what no images can be."""
    told = entry.traits
    shape, parts = list(told["shape"]), dict(told["parts"])
    if len(shape) != 3 or not all(isinstance(size, int) and size > 0 for size in shape):
        found, expected = f"shape {shape}", "[channels, height, width], each at least 1"
    elif len(told["classes"]) < 2:
        found, expected = f"classes {list(told['classes'])}", "at least 2"
    elif "train" not in parts or not set(parts) <= {"train", "test"}:
        found, expected = f"parts {parts}", "train, or train and test, each with its number of samples"
    elif not isinstance(told["reads"], list | tuple) or not all(
        isinstance(one, str) for one in told["reads"]
    ):
        found, expected = (
            f"reads {told['reads']!r}",
            'a list of patterns, such as ["images/*.png", "labels.csv"]',
        )
    elif any(len(told[name]) not in (0, shape[0]) for name in ("mean", "std")):
        found, expected = (
            f"mean {list(told['mean'])} and std {list(told['std'])}",
            f"{shape[0]} numbers, or none",
        )
    else:
        return
    raise StudyError(f"{entry.where}: the dataset {entry.name} has {found}", expected, "mend the declaration")


def split_sizes(
    name: str,
    train: int | None,
    validation: int | None,
    test: int | None,
    validation_from: str = "train",
) -> dict[str, int]:
    """Return the number of samples of each split, with ``None`` resolved.

    Raises :class:`StudyError` naming the key, the value and the counts when a count is not a whole number ≥
    0, when two splits of one part are ``None``, or when more samples are asked for than there are.
    """
    entry = dataset(name)
    asked: dict[str, Any] = {"train": train, "validation": validation, "test": test}
    for split, count in asked.items():
        if count is not None and (isinstance(count, bool) or not isinstance(count, int) or count < 0):
            raise StudyError(
                f"data.{split} is {count!r}",
                "a whole number of at least 0, or null",
                "change it in the config",
            )
    sizes: dict[str, int] = {}
    for part, there in entry.parts.items():
        splits = [split for split in asked if source_of(entry, split, validation_from) == part]
        given = {split: asked[split] for split in splits if asked[split] is not None}
        open_ended = [split for split in splits if asked[split] is None]
        listing = " + ".join(f"data.{split} {count}" for split, count in given.items())
        if sum(given.values()) > there:
            raise StudyError(
                f"{listing} asks for {sum(given.values())} samples of {name}",
                f"at most {there}, which is what its {part} part has",
                f"lower {' or '.join(f'data.{split}' for split in given)}",
            )
        if len(open_ended) > 1:
            raise StudyError(
                f"{' and '.join(f'data.{split}' for split in open_ended)} are null",
                f"at most one null among the splits taken from the {part} part of {name} ({there} samples)",
                "give a number of samples for the others",
            )
        sizes |= given | {split: there - sum(given.values()) for split in open_ended}
    return sizes


def sizes_of(data: Data) -> dict[str, int]:
    """Return :func:`split_sizes` of a study's section ``data``."""
    return split_sizes(data.name, data.train, data.validation, data.test, data.validation_from)


def source_of(entry: Dataset, split: str, validation_from: str = "train") -> str:
    """Return the part of the dataset that ``split`` is drawn from."""
    wanted = {"train": "train", "validation": validation_from, "test": "test"}[split]
    return wanted if wanted in entry.parts else "train"


def run_image_shape(name: str, pad: int = 0, channels: int | None = None) -> tuple[int, int, int]:
    """Return ``(channels, height, width)`` of a run's images: ``pad`` black pixels on each side, grey ones repeated.

    >>> run_image_shape("mnist", pad=2, channels=3)
    (3, 32, 32)
    """
    depth, height, width = dataset(name).shape
    if isinstance(pad, bool) or not isinstance(pad, int) or pad < 0:
        raise StudyError(f"data.pad is {pad!r}", "a whole number of at least 0", "change it in the config")
    if (
        channels is not None
        and channels != depth
        and (depth != 1 or not isinstance(channels, int) or channels < 1)
    ):
        raise StudyError(
            f"data.channels is {channels!r} and the images of {name} have {depth}",
            "null, the number of channels of the images, or (grey images only) how often to repeat them",
            "change data.channels in the config",
        )
    return channels or depth, height + 2 * pad, width + 2 * pad

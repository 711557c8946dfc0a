"""What is known of a dataset before a study is made of it: classes, shape and sizes, and what a study asks of them.

Read in plain Python, from the dataset's declaration or from the description of data that declare nothing
(:mod:`hydra_steps.config.descriptions`), so that a study which asks for more samples than there are is refused where
it is planned.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hydra_steps.config.descriptions import description, prepared_folder, source_folder
from hydra_steps.config.sections import Data
from hydra_steps.config.targets import CLASS, TOKENS, WORDS
from hydra_steps.errors import StudyError
from hydra_steps.registry import Entry, find
from hydra_steps.registry.entry import is_described
from hydra_steps.registry.options import options_of

Shape = tuple[int, ...] | dict[str, tuple[int, ...]]  # of a sample; of a group of inputs by name


@dataclass(frozen=True)
class Dataset:
    """A dataset as it is declared (:func:`hydra_steps.registry.decorators.dataset`) or described.

    ``asks`` says what is asked of a sample: a class, one of ``classes``, or what ``quantities`` name.
    ``shape`` is that of a sample, of images (channels, height, width). ``parts`` maps a part (``train``,
    ``validation``, ``test``) to its number of samples; a dataset with only ``train`` is one from which all splits are
    taken. ``mean`` and ``std``, one number per channel, are those of the train part's pixels divided by ``white``, the
    value of a full pixel. ``bundled`` is the SHA-256 of the content of data that ship with a dependency. ``fetched``:
    it has raw files. ``reads``: patterns of the files in its folder that it is read from; None where these are its raw
    files. ``options``: what its function is told besides the folder; ``home``: where its manifest is.

    Of ``described`` data, ``kind`` is image, row, text or array, and the arrays of numbers are in the folder ``store``
    of ``home``; ``source`` is the folder that was read; ``columns`` names the columns of rows; ``scaled`` says
    for each channel or column whether it is standardised, by the training split's own mean and deviation; ``groups``
    maps a part to the samples of each class in its groups, where it has any (of all together where none has a class).
    """

    name: str
    title: str
    classes: tuple[str, ...]
    shape: Shape
    parts: Mapping[str, int]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    white: float
    reference: str
    bundled: str
    fetched: bool
    reads: tuple[str, ...] | None
    home: Path
    source: Path
    options: Mapping[str, Any] = field(default_factory=dict)
    described: bool = False
    kind: str = "image"
    dtype: str | Mapping[str, str] = "uint8"
    store: str = ""
    columns: tuple[str, ...] = ()
    scaled: tuple[bool, ...] = ()
    groups: Mapping[str, list[list[int]]] = field(default_factory=dict)
    asks: str = CLASS
    quantities: tuple[str, ...] = ()

    @property
    def tokens(self) -> int:
        """How many numbers an input that counts tokens may be; 0 where inputs are no such numbers."""
        return len(self.columns) if self.dtype == "int64" else 0

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of what is asked about: classes, labels, numbers or tokens."""
        return self.classes or self.quantities

    @property
    def numbers(self) -> int:
        """How many numbers a sample is, over all its arrays."""
        return size_of(self.shape)


def size_of(shape: Shape) -> int:
    """Return how many numbers a sample of this shape is.

    >>> size_of((1, 8, 8)), size_of({"ids": (6,), "mask": (6,)})
    (64, 12)
    """
    return sum(math.prod(one) for one in (shape.values() if isinstance(shape, dict) else (shape,)))


def dataset(name: str, folder: str | Path = "data", options: Mapping[str, Any] | None = None) -> Dataset:
    """Return the dataset called ``name``; an unknown name is a :class:`StudyError` with the nearest known one.

    ``folder`` and ``options`` are those of a study's section ``data``; a declared dataset needs neither to be known.
    """
    entry = find("dataset", name, "data.name")
    told = entry.traits
    common: dict[str, Any] = {
        "name": name,
        "title": entry.title,
        "reference": told["reference"],
        "options": options_of(entry, options or {}, "data"),
    }
    if is_described(entry):
        return _described(common, folder)
    _check(entry)
    shape = told["shape"]
    grouped = isinstance(shape, Mapping)
    channels = 1 if grouped else shape[0]
    image = not grouped and len(shape) == 3
    return Dataset(
        **common,
        classes=tuple(told["classes"]),
        shape={name: tuple(sizes) for name, sizes in shape.items()} if grouped else tuple(shape),
        parts=told["parts"],
        mean=tuple(told["mean"]) or (0.0,) * channels,
        std=tuple(told["std"]) or (1.0,) * channels,
        white=told["white"],
        bundled=told["bundled"],
        fetched=told["files"],
        reads=None if told["files"] else tuple(told["reads"]),
        home=Path(folder) / name,
        source=Path(folder) / name,
        kind="image" if image else "text" if told["targets"] == TOKENS else "row",
        dtype=told["dtype"] or ("uint8" if image else "int64" if told["targets"] == TOKENS else "float32"),
        asks=told["targets"],
        quantities=tuple(told["outputs"]),
    )


def dataset_of(data: Data) -> Dataset:
    """Return the dataset of a study's section ``data``."""
    return dataset(data.name, data.folder, data.options)


def _described(common: Mapping[str, Any], folder: str | Path) -> Dataset:
    where = (common["name"], folder, common["options"])
    told = description(*where)
    return Dataset(
        **common,
        classes=tuple(told["classes"]),
        shape=tuple(told["shape"]),
        parts=told["parts"],
        mean=(),
        std=(),
        white=told["white"],
        bundled="",
        fetched=False,
        reads=(),
        home=prepared_folder(*where),
        source=source_folder(folder),
        described=True,
        asks=told["asks"],
        quantities=tuple(told["outputs"]),
        kind=told["kind"],
        dtype=told["dtype"],
        store=told["store"],
        columns=tuple(told["columns"]),
        scaled=tuple(told["scaled"]),
        groups=told["groups"],
    )


def _check(entry: Entry) -> None:
    """Raise :class:`StudyError`, with the declaration's line, for what no images can be."""
    told = entry.traits
    given, parts = told["shape"], dict(told["parts"])
    shape = (
        [size for sizes in given.values() for size in sizes] if isinstance(given, Mapping) else list(given)
    )
    if not shape or not all(isinstance(size, int) and size > 0 for size in shape):
        found, expected = f"shape {shape}", "[channels, height, width] or another shape, each at least 1"
    elif told["targets"] == CLASS and len(told["classes"]) < 2:
        found, expected = f"classes {list(told['classes'])}", "at least 2"
    elif told["targets"] != CLASS and (told["classes"] or not told["outputs"]):
        found, expected = (
            f"classes {list(told['classes'])}, outputs {list(told['outputs'])}",
            (f"of {WORDS[told['targets']]} no classes, and outputs by name"),
        )
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


def run_shape(data: Data) -> Shape:
    """Return the shape of a sample in a run whose section ``data`` is given (:func:`padded_shape`)."""
    return padded_shape(dataset_of(data), data.pad, data.channels)


def padded_shape(entry: Dataset, pad: int = 0, channels: int | None = None) -> Shape:
    """Return the shape of a run's samples: of images with ``pad`` black pixels on each side, grey ones repeated.

    >>> padded_shape(dataset("mnist"), pad=2, channels=3)
    (3, 32, 32)
    """
    if isinstance(pad, bool) or not isinstance(pad, int) or pad < 0:
        raise StudyError(f"data.pad is {pad!r}", "a whole number of at least 0", "change it in the config")
    if isinstance(entry.shape, dict) or len(entry.shape) != 3:
        if pad or channels is not None:
            raise StudyError(
                f"data.{'pad' if pad else 'channels'} is given, and a sample of {entry.name} has the shape "
                f"{entry.shape if isinstance(entry.shape, dict) else list(entry.shape)}",
                "images, whose shape is [channels, height, width]",
                f"remove data.{'pad' if pad else 'channels'}",
            )
        return entry.shape
    depth, height, width = entry.shape
    if (
        channels is not None
        and channels != depth
        and (depth != 1 or not isinstance(channels, int) or channels < 1)
    ):
        raise StudyError(
            f"data.channels is {channels!r} and the images of {entry.name} have {depth}",
            "null, the number of channels of the images, or (grey images only) how often to repeat them",
            "change data.channels in the config",
        )
    return channels or depth, height + 2 * pad, width + 2 * pad

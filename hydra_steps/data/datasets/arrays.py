"""``arrays``: NumPy's own files, without a line of code: an ``.npz`` with several arrays, or an ``.npy`` for each."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from hydra_steps.config.targets import CLASS, LABELS, NUMBERS
from hydra_steps.data.own.frames import parts_of
from hydra_steps.data.own.targets import labels_of, numbers_of
from hydra_steps.data.samples import Samples
from hydra_steps.errors import StudyError, nearest
from hydra_steps.registry.decorators import dataset


@dataset(
    "arrays",
    title="arrays of numbers",
    reads=["{file}", "{labels}", "{test_file}", "{test_labels}", "{names}", "{groups}", "{split}"],
)
def arrays(
    folder: Path,
    *,
    file: str = "",
    inputs: str = "inputs",
    labels: str = "labels",
    asks: Literal["class", "labels", "numbers"] = "class",
    test_file: str = "",
    test_labels: str = "",
    names: str = "",
    groups: str = "",
    split: str = "",
    channels_last: bool = False,
    standardise: bool = True,
) -> Samples:
    """Your own arrays, the first axis the samples. One that ends with `.npy` is a file, any other name is that of an
    array in the `.npz`.

    Options:
        file: The `.npz` with the arrays, or the `.npy` with the inputs, in `data.folder` or by its path.
        inputs: The array of inputs in the `.npz`, [n, ...], numbers of any type.
        labels: The array of the classes [n], texts or whole numbers; or of what is asked for instead.
        asks: What `labels` are. Of `labels` several, 0 or 1 [n, labels]; of `numbers` what is predicted [n] or [n,
            numbers], brought to mean 0 and deviation 1 over the samples that training is drawn from.
        test_file: A file of its own for the test, like `file`.
        test_labels: Where `test_file` is an `.npy`, the `.npy` of its classes.
        names: An array of the samples' names [n]. Without one they are counted.
        groups: An array [n]; samples with the same value come into the same split.
        split: An array of the texts train, validation or test [n].
        channels_last: Whether inputs are [n, height, width, channels].
        standardise: Whether the training split's mean is taken off and its deviation divided by, for each channel of
            [channels, height, width], else for each place of the last axis.
    """
    first = _Arrays(folder, file, "data.file")
    read = [_read(first, inputs, labels, asks)]
    if test_file:
        read.append(_read(_Arrays(folder, test_file, "data.test_file"), inputs, test_labels or labels, asks))
    # One file stays mapped into memory.
    values = _joined([one for one, _ in read], [file, test_file]) if test_file else read[0][0]
    if channels_last:
        values = np.moveaxis(values, -1, 1)
    sizes = [len(one) for one, _ in read]
    given = {
        key: _more(first, name, key, sizes)
        for key, name in (("names", names), ("groups", groups), ("split", split))
    }
    named = given["names"] or [f"sample {number}" for number in range(sum(sizes))]
    files = ["train"] * sizes[0] + ["test"] * sizes[1] if test_file else None
    parts = parts_of(given["split"], files, named)
    answers = _answers(np.concatenate([one for _, one in read]), asks, named, parts, file)
    pictures = values.ndim == 4 and values.shape[1] in (1, 3) and values.dtype in (np.uint8, np.uint16)
    channels = values.shape[1] if values.ndim == 4 else values.shape[-1]
    return Samples(
        inputs=values,
        labels=answers,
        names=named,
        parts=parts,
        groups=given["groups"],
        kind="image" if pictures else "array",
        scaled=[standardise] * channels,
        asks=asks,
        outputs=() if asks == CLASS else [f"{asks[:-1]} {place}" for place in range(answers.shape[1])],
        white=float(np.iinfo(values.dtype).max) if pictures else 255.0,
    )


def _answers(
    given: np.ndarray, asks: str, names: Sequence[str], parts: Sequence[str] | None, file: str
) -> np.ndarray:
    """Return what is asked for as its kind wants it."""
    if asks == NUMBERS:
        return numbers_of(given, names, parts, file)
    return labels_of(given, names, file) if asks == LABELS else given


def _joined(inputs: Sequence[np.ndarray], files: Sequence[str]) -> np.ndarray:
    """Return the inputs of several files as one array."""
    if len({one.shape[1:] for one in inputs}) > 1:
        shapes = [f"{file} {list(one.shape)}" for file, one in zip(files, inputs, strict=True)]
        raise StudyError(" and ".join(shapes), "samples of the same shape in both files")
    return np.concatenate(list(inputs))


class _Arrays:
    """The arrays of a file by name, or the one of an ``.npy``, mapped into memory."""

    def __init__(self, folder: Path, file: str, key: str) -> None:
        if not file:
            raise StudyError(
                f"{key} is not given", "an .npz or .npy file in data.folder, or its path", f"add {key}"
            )
        self.folder, self.path = folder, folder / Path(file).expanduser()
        self.content = _load(self.path, key)

    def array(self, name: str, key: str) -> np.ndarray:
        """Return an array by its name in the ``.npz``, or by its file."""
        if name.endswith(".npy"):
            found = _load(self.folder / Path(name).expanduser(), key)
            assert isinstance(found, np.ndarray)
            return found
        if isinstance(self.content, np.ndarray):
            raise StudyError(
                f"{key} is {name!r}, and {self.path} holds one array alone",
                "an .npy file",
                f"set {key} to one",
            )
        if name not in self.content:
            raise StudyError(
                f"{key}: {self.path} has no array {name!r}", "", nearest(name, list(self.content))
            )
        return self.content[name]

    def inputs(self, name: str) -> np.ndarray:
        """Return the inputs: of an ``.npy`` all of it."""
        return self.content if isinstance(self.content, np.ndarray) else self.array(name, "data.inputs")


def _read(one: _Arrays, inputs: str, labels: str, asks: str) -> tuple[np.ndarray, np.ndarray]:
    """Return a file's inputs [n, ...] and labels [n], or [n, k] where several are asked for."""
    values, given = _inputs(one, inputs), one.array(labels, "data.labels")
    if asks == NUMBERS and given.ndim == 1:
        given = given[:, None]
    axes = 1 if asks == CLASS else 2
    if len(given) != len(values) or given.ndim != axes:
        raise StudyError(
            f"{one.path} has inputs {list(values.shape)} and labels {list(given.shape)}",
            "one label for each input: [n, ...] and [n]"
            if axes == 1
            else "inputs [n, ...] and labels [n, k]",
            "correct data.inputs or data.labels",
        )
    return values, given


def _inputs(one: _Arrays, name: str) -> np.ndarray:
    values = one.inputs(name)
    if values.ndim < 2 or values.dtype.kind not in "buif":
        raise StudyError(
            f"{one.path}: the inputs are {values.dtype} {list(values.shape)}",
            "numbers [n, ...], the first axis the samples",
            "save the inputs so",
        )
    return values if values.dtype in (np.uint8, np.uint16) else values.astype(np.float32, copy=False)


def _more(one: _Arrays, name: str, key: str, sizes: list[int]) -> list[str] | None:
    """Return an array of texts that is given for all samples, those of the test file last."""
    if not name:
        return None
    values = [str(value) for value in one.array(name, f"data.{key}").tolist()]
    if len(values) != sum(sizes):
        raise StudyError(
            f"data.{key} has {len(values):,} values",
            f"{sum(sizes):,}, one for each sample",
            f"correct data.{key}",
        )
    return values


def _load(path: Path, key: str) -> np.ndarray | Mapping[str, np.ndarray]:
    if not path.is_file():
        raise StudyError(f"{key}: there is no file {path}", "an .npz or .npy file", f"correct {key}")
    try:
        if path.suffix == ".npy":
            found: np.ndarray = np.load(path, mmap_mode="r", allow_pickle=False)
            return found
        with np.load(path, allow_pickle=False) as content:
            return {name: content[name] for name in content.files}
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        said = "it holds Python objects" if "pickle" in str(error) else str(error)
        raise StudyError(
            f"{path} cannot be read: {said}",
            "arrays of numbers or texts, as numpy.save and numpy.savez write them",
        ) from error

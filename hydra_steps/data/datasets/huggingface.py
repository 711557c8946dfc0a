"""``huggingface``: a folder that the `datasets` library saved (``save_to_disk``), without a line of code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hydra_steps.data.own.labels import listed
from hydra_steps.data.own.store import PARTS
from hydra_steps.data.samples import Samples
from hydra_steps.errors import StudyError, nearest
from hydra_steps.registry.decorators import dataset

if TYPE_CHECKING:
    from datasets import Dataset

INSTALL = "pip install '.[rivals]'"


@dataset("huggingface", title="a saved dataset")
def huggingface(
    folder: Path, *, inputs: str = "image", label: str = "label", id: str = "", group: str = ""
) -> Samples:
    """Your own dataset of the library `datasets`, saved into `data.folder`, with one part or with parts train,
    validation and test. Pictures of one size, or arrays of numbers of one shape.

    Options:
        inputs: The column of the pictures or arrays.
        label: The column of the classes. The names of a `ClassLabel` are kept, and their order.
        id: A column that names the samples. Without one they are counted.
        group: A column; samples with the same value come into the same split.
    """
    if find_spec("datasets") is None:
        raise StudyError(
            "data.name is huggingface, and the library datasets is not installed", "", f"run {INSTALL}"
        )
    parts = saved_parts(folder)
    first = next(iter(parts.values()))
    for key, name in (("inputs", inputs), ("label", label), ("id", id), ("group", group)):
        if name and name not in first.column_names:
            raise StudyError(
                f"data.{key}: there is no column {name!r}", "", nearest(name, list(first.column_names))
            )
    values = _joined([_arrays(rows, inputs, part) for part, rows in parts.items()], folder)
    picture = type(first.features[inputs]).__name__ == "Image"
    classes = getattr(first.features[label], "names", None)
    labels = [value for rows in parts.values() for value in rows[label]]
    kept = [part for part, rows in parts.items() for _ in range(len(rows))]
    return Samples(
        inputs=values,
        labels=[classes[value] for value in labels] if classes else labels,
        names=_column(parts, id)
        or [f"{part} {at}" for part, rows in parts.items() for at in range(len(rows))],
        parts=kept if len(parts) > 1 else None,
        groups=_column(parts, group),
        kind="image" if picture else "array",
        classes=classes,
        white=float(np.iinfo(values.dtype).max) if picture else 255.0,
    )


def _joined(arrays: Sequence[np.ndarray], folder: Path) -> np.ndarray:
    shapes = sorted({str(array.shape[1:]) for array in arrays})
    if len(shapes) > 1:
        raise StudyError(f"the parts in {folder} have inputs of the shapes {listed(shapes)}", "one")
    return np.concatenate(list(arrays))


def _column(parts: Mapping[str, Dataset], name: str) -> list[str] | None:
    return [str(value) for rows in parts.values() for value in rows[name]] if name else None


def saved_parts(folder: Path) -> Mapping[str, Dataset]:
    """Return the parts of a saved folder by name; one without parts is all for training."""
    from datasets import Dataset, load_from_disk

    try:
        found = load_from_disk(str(folder))
    except (OSError, ValueError, KeyError) as error:
        raise StudyError(
            f"{folder} cannot be read: {error}", "a folder that save_to_disk wrote", "correct data.folder"
        ) from error
    if isinstance(found, Dataset):
        return {"train": found}
    unknown = sorted(set(found) - set(PARTS))
    if unknown:
        raise StudyError(
            f"{folder} has the parts {listed(sorted(found))}",
            f"parts among {listed(PARTS)}",
            "rename the parts",
        )
    return {part: found[part] for part in PARTS if part in found}


def _arrays(rows: Dataset, inputs: str, part: str) -> np.ndarray:
    values = [np.asarray(value) for value in rows[inputs]]
    odd = next((at for at, value in enumerate(values) if value.shape != values[0].shape), None)
    if odd is not None or values[0].dtype.kind not in "buif":
        at = odd or 0
        raise StudyError(
            f"data.inputs: {part} {at} is {values[at].dtype} {list(values[at].shape)}, and {part} 0 "
            f"{values[0].dtype} {list(values[0].shape)}",
            "numbers of one shape",
            "bring the samples to one shape with the library's map",
        )
    found: np.ndarray = np.stack(values)
    if type(rows.features[inputs]).__name__ == "Image":
        return found[:, None] if found.ndim == 3 else np.moveaxis(found, -1, 1)
    return found if found.dtype == np.uint8 else found.astype(np.float32)

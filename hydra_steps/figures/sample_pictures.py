"""A sample as a small picture in a figure: its image, its labels over it, and a frame where the label is wrong."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from hydra_steps.errors import StudyError
from hydra_steps.figures.style import FAINT, INK, NOISY

LINE, LINES, SMALL = 13, 6, 3.5  # letters of a line, lines of a text, and points, in the place of a picture
LETTERS = 9  # of two class names that fit into one line over a picture


def read_images(path: str | Path) -> dict[str, dict[str, np.ndarray]]:
    """Return the arrays of the npz by variant and name."""
    found: dict[str, dict[str, np.ndarray]] = {}
    try:
        with np.load(path, allow_pickle=False) as file:
            for key in file.files:
                variant, _, name = key.partition("/")
                found.setdefault(variant, {})[name] = file[key]
    except (OSError, ValueError) as error:
        raise StudyError(
            f"{path} cannot be read ({error})", "the images beside extremes.csv", "let the workflow make it"
        ) from error
    return found


def draw_picture(axes: Axes, images: Mapping[str, np.ndarray], split: str, position: float) -> None:
    """Draw the image of a split's sample, or a question mark where there is none."""
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(True)
        spine.set_color("#BBBBBB")
    found = np.flatnonzero(images.get(f"{split}_index", np.array([])) == position)
    if not len(found):
        axes.text(0.5, 0.5, "?", transform=axes.transAxes, ha="center", va="center", color=FAINT)
        return
    image = images[split][found[0]]
    if not image.size:
        _draw_text(axes, images, split, int(found[0]))
        return
    if len(image) == 3:
        axes.imshow(image.transpose(1, 2, 0), interpolation="nearest")
    else:
        axes.imshow(image[0], cmap="gray_r", vmin=0, vmax=255, interpolation="nearest")


def _draw_text(axes: Axes, images: Mapping[str, np.ndarray], split: str, place: int) -> None:
    """Write the name and the beginning of a sample that is no picture."""
    known = [images[key][place] for key in (f"{split}_names", f"{split}_texts") if key in images]
    lines = [line for text in known for line in textwrap.wrap(str(text), LINE)[: LINES - len(known)]]
    axes.text(
        0.5, 0.5, "\n".join(lines[:LINES]) or "?", transform=axes.transAxes, ha="center", va="center",
        fontsize=SMALL, color=INK, parse_math=False,
    )  # fmt: skip


def name_training_sample(axes: Axes, row: Any, classes: np.ndarray) -> None:
    """The given label over the picture, and, where it is wrong, the clean one, a frame and a cross."""
    text = class_name(classes, row["label"])
    if row["is_noisy"] == 1:
        gap = "\n" if are_long(classes) else " "
        text = f"{text}{gap}({class_name(classes, row['clean_label'])})"
        frame = Rectangle(
            (0, 0), 1, 1, transform=axes.transAxes, fill=False, edgecolor=NOISY, linewidth=1.8, clip_on=False,
            linestyle=(0, (2.5, 1)),
        )  # fmt: skip
        axes.add_patch(frame)
        cross = axes.text(
            0.97, 0.97, "✕", transform=axes.transAxes, ha="right", va="top", color=NOISY, fontsize="small"
        )
        cross.set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 0.3, "alpha": 0.8})
    axes.set_title(text, fontsize="x-small", fontweight="normal", pad=2, loc="center")


def class_name(classes: np.ndarray, label: float) -> str:
    """The class's name, of names with a stroke the first, so that it fits over a picture.

    >>> class_name(np.array(["cat", "dog"]), 1.0)
    'dog'
    """
    if label != label:
        return "?"
    return str(classes[int(label)]).split("/")[0] if int(label) < len(classes) else f"{label:.0f}"


def are_long(classes: np.ndarray) -> bool:
    """Whether two classes' names are too long for one line over a picture."""
    return bool(len(classes)) and 2 * max(len(str(name)) for name in classes) > LETTERS

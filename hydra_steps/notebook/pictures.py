"""The training samples that helped and harmed a query most, as a picture."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hydra_steps.errors import StudyError
from hydra_steps.figures.style import Style, drawing, note


class Picture(Figure):
    """A figure that a notebook shows, whether pyplot is in use or not."""

    def _repr_png_(self) -> bytes:
        page = io.BytesIO()
        self.savefig(page, format="png", dpi=110)
        return page.getvalue()


def show_samples(
    scores: xr.DataArray,
    inputs: Any,
    targets: Sequence[object] | None = None,
    query: str | None = None,
    top: int = 8,
) -> Figure:
    """Draw the ``top`` training samples of highest contribution above those of lowest, by ``scores`` [query, sample].

    ``inputs`` [n, …] are the training samples': images [c, h, w] or [h, w] are drawn, rows of numbers as bars.
    ``targets`` are written above them; ``query`` is by default the first.
    """
    inputs, row = np.asarray(inputs), scores.sel(query=query) if query is not None else scores[0]
    if len(inputs) != scores.sizes["sample"]:
        raise StudyError(
            f"{len(inputs)} inputs for contributions of {scores.sizes['sample']} samples", "as many of each"
        )
    order = np.argsort(row.values, kind="stable")
    top = min(top, len(order) // 2 or 1)
    with drawing(Style()):
        page = Picture(figsize=(0.75 * top + 0.6, 2.2), layout="constrained")
        axes = page.subplots(2, top, squeeze=False)
        for line, chosen, words in ((0, order[::-1], "helped most"), (1, order, "harmed most")):
            for place, position in enumerate(chosen[:top]):
                one = axes[line][place]
                _draw(one, inputs[position])
                said = [str(row["sample"].values[position])] + (
                    [] if targets is None else [f"{targets[position]}"]
                )
                one.set_title(f"{': '.join(said)}\n{float(row[position]):+.2g}", fontsize="x-small", pad=2)
            axes[line][0].set_ylabel(words, fontsize="small")
        page.suptitle(f"Contribution to {row['query'].values}", fontsize="small")
    return page


def _draw(axes: Axes, sample: np.ndarray) -> None:
    shape = sample.shape
    axes.set_xticks([])
    axes.set_yticks([])
    if len(shape) == 3 and shape[0] in (3, 4):
        image = sample.transpose(1, 2, 0).astype(float)
        low, high = image.min(), image.max()
        axes.imshow((image - low) / (high - low or 1), interpolation="nearest")
    elif len(shape) == 2 or (len(shape) == 3 and shape[0] == 1):
        axes.imshow(sample.reshape(shape[-2:]), cmap="gray_r", interpolation="nearest")
    elif len(shape) == 1 and len(sample) <= 64:
        axes.bar(np.arange(len(sample)), sample, width=0.9, color="#6B6B6B")
    else:
        note(axes, " × ".join(str(size) for size in shape))

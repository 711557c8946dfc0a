"""Dot plots: per method a marker for the value, a bar for its uncertainty, points for what it sums up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from matplotlib.axes import Axes

from hydra_steps.figures.methods import MethodStyle
from hydra_steps.figures.style import FAINT, GRID

LINE_HEIGHT = 0.185  # inches per method: one line of text at print size and some air


@dataclass(frozen=True)
class Dot:
    """``value`` with its interval [``low``, ``high``] (NaN: none) and the single measurements behind it."""

    value: float
    low: float = np.nan
    high: float = np.nan
    points: Sequence[float] = field(default_factory=list)


def draw_dots(
    axes: Axes, dots: Mapping[str, Dot], styles: Mapping[str, MethodStyle], missing: str = "not measured"
) -> None:
    """Draw ``dots`` on ``axes``, one line per method of ``styles``, the first at the top.

    A method that has no number at all gets the word ``missing`` on its line, so that absence is never read as
    zero.
    """
    for line, (method, look) in enumerate(styles.items()):
        axes.axhline(line, color=GRID, linewidth=0.5, zorder=0)
        dot = dots.get(method, Dot(np.nan))
        points = np.asarray(dot.points, dtype=float)
        points = points[np.isfinite(points)]
        if not np.isfinite(dot.value) and points.size == 0:
            axes.text(
                0.5,
                line,
                missing,
                transform=axes.get_yaxis_transform(),
                ha="center",
                va="center",
                color=FAINT,
            ).set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 1.0})
            continue
        if points.size:
            # A fixed fan instead of random jitter: the same file every time.
            fan = line + 0.46 * ((0.25 + 0.618 * np.arange(points.size)) % 1.0 - 0.5)
            axes.plot(
                points, fan, "o", markersize=1.9, color=look.colour, alpha=0.4, markeredgewidth=0, zorder=2
            )
        if np.isfinite(dot.low) and np.isfinite(dot.high):
            axes.plot([dot.low, dot.high], [line, line], color=look.colour, linewidth=1.4, zorder=3)
        axes.plot(
            [dot.value],
            [line],
            marker=look.marker,
            color=look.colour,
            markersize=5.0,
            markeredgecolor="white",
            markeredgewidth=0.5,
            linestyle="none",
            zorder=4,
        )
    axes.set_ylim(len(styles) - 0.5, -0.5)
    axes.set_yticks(range(len(styles)), [look.label for look in styles.values()])
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)


def reference_line(axes: Axes, position: float, text: str = "") -> None:
    """Draw a vertical line for what chance (or perfection) would give, and name it under the top edge."""
    axes.axvline(position, color=FAINT, linewidth=0.7, linestyle=(0, (3, 2)), zorder=1)
    if text:
        axes.annotate(
            text,
            (position, 1.0),
            xycoords=("data", "axes fraction"),
            xytext=(2, -1),
            textcoords="offset points",
            va="top",
            color=FAINT,
            fontsize="x-small",
        )

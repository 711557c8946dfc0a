"""One look for every figure, and byte-stable files.

Sizes are those of a two-column page: 3.35 in for one column, 6.9 in for both, text between 6 and 8 points at
print size. Figures are built without pyplot, from matplotlib's defaults, so neither a user's matplotlibrc nor
the display decides anything; files carry no date, no version and no random identifier.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, fields
from functools import partial
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.colors import is_color_like
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import FixedFormatter, Formatter, FuncFormatter, MaxNLocator

from hydra_steps.config.targets import CLASS, worded
from hydra_steps.errors import StudyError, nearest
from hydra_steps.figures.methods import MethodStyle, method_styles

WIDTHS = {"single": 3.35, "double": 6.9}  # inches
FORMATS = ("svg", "pdf", "png")
INK, FAINT, GRID = "#222222", "#767676", "#E3E3E3"
SPLIT_COLOURS = {"train": "#444444", "validation": "#E69F00", "test": "#0072B2"}
CLEAN, NOISY = "#0072B2", "#D55E00"
LAID_OUT = 300  # dots per inch at which sizes of letters are taken: those of paper, whatever the png's
_SHOWN = "\u2060"  # stands before a text while a figure is made, and takes no room


@dataclass(frozen=True)
class Style:
    """What a study may choose about its figures; the section ``figures`` of the configuration.

    ``width``: ``single`` or ``double`` column, or empty for each figure's own choice. ``font_size`` in points.
    ``dpi`` of the png. ``colours`` and ``labels``: overrides by method label. ``formats``: the files a study asks for
    (the plotting functions themselves follow the suffixes of their ``outputs``). ``asks``: what is asked of a sample,
    whose words the figure takes (:func:`hydra_steps.config.targets.worded`). ``classes``: their names.
    """

    width: str = ""
    font_size: float = 7.5
    dpi: int = 300
    formats: Sequence[str] = FORMATS
    colours: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    asks: str = CLASS
    classes: Sequence[str] = ()

    @classmethod
    def of(cls, options: Mapping[str, Any] | None) -> Style:
        """Check ``options`` and return them as a style; raise :class:`StudyError` that names the key."""
        given = {key: value for key, value in (options or {}).items() if value is not None}
        known = [f.name for f in fields(cls)]
        for key in given:
            if key not in known:
                raise StudyError(
                    f"unknown key figures.{key}", f"one of {', '.join(known)}", nearest(key, known)
                )
        style = cls(**given)
        if style.width not in ("", *WIDTHS):
            raise StudyError(f"figures.width is {style.width!r}", "single or double")
        for method, colour in style.colours.items():
            if not is_color_like(colour):
                raise StudyError(f"figures.colours.{method} is {colour!r}", "a colour such as '#0072B2'")
        return style

    def inches(self, default: str) -> float:
        """Return the figure's width in inches: the study's choice, or the figure's own ``default``."""
        return WIDTHS[self.width or default]

    def methods(self, present: Iterable[str], methods: Mapping[str, str] | None) -> dict[str, MethodStyle]:
        """Return the look of the labels present, in drawing order; ``methods`` maps the study's to their methods."""
        return method_styles(present, methods, self.colours, self.labels)


def _settings(style: Style) -> dict[str, Any]:
    size = style.font_size
    return {
        "font.family": "DejaVu Sans",  # ships with matplotlib: the same glyphs on every machine
        "font.size": size,
        "axes.titlesize": size,
        "axes.titleweight": "bold",
        "axes.titlelocation": "left",
        "axes.labelsize": size,
        "xtick.labelsize": size - 0.5,
        "ytick.labelsize": size - 0.5,
        "legend.fontsize": size - 0.5,
        "legend.frameon": False,
        "legend.handlelength": 2.2,
        "text.color": INK,
        "text.parse_math": False,  # a label of the user's with a $ is that text; our own equations say parse_math=True
        "axes.labelcolor": INK,
        "axes.edgecolor": FAINT,
        "xtick.color": INK,
        "ytick.color": INK,
        "xtick.major.size": 2.5,
        "ytick.major.size": 2.5,
        "xtick.minor.size": 1.5,
        "ytick.minor.size": 1.5,
        "axes.linewidth": 0.6,
        "xtick.major.width": 0.6,
        "ytick.major.width": 0.6,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.axisbelow": True,
        "axes.formatter.limits": (-3, 4),
        "axes.formatter.use_mathtext": True,
        "grid.color": GRID,
        "grid.linewidth": 0.5,
        "lines.linewidth": 1.2,
        "lines.markersize": 4.0,
        "savefig.dpi": style.dpi,
        "figure.dpi": 100,
        "svg.hashsalt": "hydra-steps",
        "svg.fonttype": "path",
        "pdf.fonttype": 42,  # TrueType: venues refuse Type 3
        "pdf.compression": 6,
    }


_ASKS: ContextVar[str] = ContextVar("asks", default=CLASS)  # of the style that is drawn with
_CLASSES: ContextVar[Sequence[str]] = ContextVar("classes", default=())
_LETTERS = 14  # of a class's name at an axis


@contextmanager
def drawing(style: Style) -> Iterator[None]:
    """Draw with this look and nothing else: matplotlib's defaults first, then the settings of ``style``."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_settings(style))  # type: ignore[arg-type]  # keys are plain strings here
        before, named = _ASKS.set(style.asks), _CLASSES.set(style.classes)
        try:
            yield
        finally:
            _ASKS.reset(before)
            _CLASSES.reset(named)


def class_words(labels: Iterable[float]) -> list[str]:
    """Return the names of classes by their numbers, long ones cut; the numbers where the style has no names."""
    names = _CLASSES.get()
    found = [names[int(label)] if int(label) < len(names) else f"{label:.0f}" for label in labels]
    return [name if len(name) <= _LETTERS else f"{name[: _LETTERS - 1]}…" for name in found]


def tilt(axes: Axes, names: Sequence[str]) -> None:
    """Turn the names at the x axis where they are too long to stand beside each other."""
    if max(map(len, names), default=0) > 3:
        axes.tick_params(axis="x", labelrotation=45)
        for text in axes.get_xticklabels():
            text.set_horizontalalignment("right")
            text.set_rotation_mode("anchor")


def canvas(
    width: float, height: float, rows: int = 1, columns: int = 1, **options: Any
) -> tuple[Figure, list[list[Axes]]]:
    """Return a figure of ``width`` × ``height`` inches and its axes as rows of columns."""
    figure = Figure(figsize=(width, height), layout="constrained")
    engine = figure.get_layout_engine()
    assert engine is not None
    engine.set(w_pad=0.03, h_pad=0.03, wspace=0.03, hspace=0.03)  # type: ignore[call-arg]  # a constrained layout takes them
    axes = figure.subplots(rows, columns, squeeze=False, **options)
    return figure, [list(row) for row in axes]


def in_legend(text: str) -> str:
    """Return a label for an artist, such that a legend shows ``text``: what begins with _ matplotlib takes for its own,
    and leaves out. :func:`save` takes the mark off again.
    """
    return f"{_SHOWN}{text}" if text.startswith("_") else text


def grid_shape(panels: int, most: int = 4) -> tuple[int, int]:
    """Return rows and columns for small panels: at most ``most`` columns, few empty places.

    >>> grid_shape(5)
    (2, 3)
    """
    if panels <= most:
        return 1, max(panels, 1)
    columns = min((most, most - 1), key=lambda count: (-panels % count, -count))
    return -(-panels // columns), columns


def save(figure: Figure, outputs: Sequence[str | Path]) -> None:
    """Write ``figure`` to every path in ``outputs``; the suffix (.svg, .pdf, .png) chooses the format.

    Call it inside :func:`drawing`. The same figure gives the same bytes, in any process.
    """
    metadata: dict[str, dict[str, None]] = {
        "svg": {"Date": None, "Creator": None},
        "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
        "png": {"Software": None},
    }
    _number_ticks(figure)
    for text in figure.findobj(Text):
        assert isinstance(text, Text)
        text.set_text(worded(text.get_text().removeprefix(_SHOWN), _ASKS.get()))
    with _laid_out(figure):
        for path in map(Path, outputs):
            suffix = path.suffix.lstrip(".").lower()
            if suffix not in metadata:
                raise StudyError(
                    f"{path} cannot be drawn", f"a file name that ends with .{', .'.join(FORMATS)}"
                )
            path.parent.mkdir(parents=True, exist_ok=True)
            with matplotlib.rc_context({"text.parse_math": True}):  # for ticks that are made while drawing
                figure.savefig(path, format=suffix, metadata=metadata[suffix])


@contextmanager
def _laid_out(figure: Figure) -> Iterator[None]:
    """Give everything its place, once for all formats, which would differ by their sizes of letters."""
    engine, dpi = figure.get_layout_engine(), figure.get_dpi()
    if engine is None:
        yield
        return
    figure.set_dpi(LAID_OUT)
    with matplotlib.rc_context({"text.parse_math": True}):
        engine.execute(figure)
    figure.set_layout_engine("none")
    try:
        yield
    finally:
        figure.set_layout_engine(engine)
        figure.set_dpi(dpi)


def _of_given_texts(formatter: Formatter) -> bool:
    """Whether it writes labels that were given with the ticks: matplotlib binds those to a function of its own."""
    bound = isinstance(formatter, FuncFormatter) and isinstance(formatter.func, partial)
    return bound or isinstance(formatter, FixedFormatter)


def _number_ticks(figure: Figure) -> None:
    """Let matplotlib write powers of ten at the ticks, save where the ticks' labels were given as texts."""
    for axis in figure.findobj(Axis):
        assert isinstance(axis, Axis)
        axis.offsetText.set_parse_math(True)
        for formatter, ticks in (
            (axis.get_major_formatter(), axis.majorTicks),
            (axis.get_minor_formatter(), axis.minorTicks),
        ):
            if not _of_given_texts(formatter):
                for tick in ticks:
                    tick.label1.set_parse_math(True)
                    tick.label2.set_parse_math(True)


def note(axes: Axes, text: str) -> None:
    """Say in the middle of empty ``axes`` why nothing is drawn there."""
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", color=FAINT, wrap=True)
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)


def mark_epochs(axes: Axes, epochs: Iterable[float]) -> None:
    """Put ticks at the measured epochs where they are few, at some whole numbers otherwise."""
    measured = sorted({int(epoch) for epoch in epochs if epoch == epoch})
    if 0 < len(measured) <= 6:
        axes.set_xticks(measured)
    else:
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))

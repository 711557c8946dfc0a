"""Name, colour and marker of every method, the same in all figures and in the report: as the methods declare them.

Hues follow the Okabe-Ito and Tol sets, which stay apart under the common colour-vision deficiencies; marker
and line style repeat the distinction for print in grey. Families share a tone: HyDRA blue and green,
influence functions red and orange, products of gradients purple, signals read off the training run brown and
grey.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from hydra_steps.registry import entries

LineStyle = str | tuple[int, tuple[float, ...]]


@dataclass(frozen=True)
class MethodStyle:
    """How one method looks: label, colour (hex), matplotlib marker, line style."""

    label: str
    colour: str
    marker: str
    line: LineStyle = "-"


# Controls of removal curves, which need no score.
CONTROLS: dict[str, MethodStyle] = {
    "random_order": MethodStyle("Random order", "#8A8A8A", "s", (0, (1, 2))),
    "oracle": MethodStyle("Oracle (true noise)", "#000000", "*", (0, (4, 1, 1, 1))),
}

# For labels of a study's own: told apart by colour and marker, dealt in the order of the study's method list.
_SPARE = (
    ("#EE6677", "p"),
    ("#228833", "d"),
    ("#CCBB44", "<"),
    ("#AA3377", ">"),
    ("#66CCEE", "h"),
    ("#4477AA", "8"),
    ("#555555", "*"),
)


def known_looks() -> dict[str, MethodStyle]:
    """Return the look of every method and control, in drawing order; colour and marker are empty where a method
    declares none."""
    found = {}
    for name, entry in entries("method").items():
        traits = entry.traits
        found[name] = MethodStyle(entry.title, traits["colour"], traits["marker"], _line(traits["line"]))
    return found | CONTROLS


def _line(declared: Any) -> LineStyle:
    """Return the line style, as matplotlib wants it, of a name or of (offset, lengths of dashes and gaps)."""
    return declared if isinstance(declared, str) else (declared[0], tuple(declared[1]))


def order_methods(present: Iterable[str], study_order: Iterable[str] = ()) -> list[str]:
    """Return the labels in ``present`` once each: study's order first, then that of the methods, then by name.

    >>> order_methods(["random", "hydra_exact"], ["hydra_exact", "random"])
    ['hydra_exact', 'random']
    """
    found = set(present)
    wanted = [*study_order, *known_looks(), *sorted(found)]
    return [label for label in dict.fromkeys(wanted) if label in found]


def method_styles(
    present: Iterable[str],
    methods: Mapping[str, str] | None = None,
    colours: Mapping[str, str] | None = None,
    labels: Mapping[str, str] | None = None,
) -> dict[str, MethodStyle]:
    """Return the look of every label in ``present``, in drawing order.

    ``methods`` maps all labels of the study, in its order, to their methods. A label that is named as its method
    looks like it; any other is the study's own and gets a spare colour, the same in a figure that shows fewer
    methods. Labels that the study does not have are taken for methods. ``colours`` and ``labels`` override by label.
    """
    present, methods, known = list(present), methods or {}, known_looks()
    looks, spare = {}, 0
    for label in order_methods({*present, *methods}, methods):
        method = methods.get(label, label)
        look = known.get(label) if method == label else None
        if look is None:
            words = label.replace("_", " ")
            # The name of another method would promise that method.
            words += f" ({known[method].label})" if label in known and method in known else ""
            look = MethodStyle(words, "", "", (0, (4, 1, 1, 1)))
        if not look.colour:
            colour, marker = _SPARE[spare % len(_SPARE)]
            look, spare = replace(look, colour=colour, marker=look.marker or marker), spare + 1
        if colours and label in colours:
            look = replace(look, colour=colours[label])
        if labels and label in labels:
            look = replace(look, label=labels[label])
        looks[label] = look
    return {label: looks[label] for label in order_methods(present, methods)}

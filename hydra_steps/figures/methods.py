"""Name, colour and marker of every method, the same in all figures and in the report.

Hues follow the Okabe-Ito and Tol sets, which stay apart under the common colour-vision deficiencies; marker
and line style repeat the distinction for print in grey. Families share a tone: HyDRA blue and green,
influence functions red and orange, products of gradients purple, signals read off the training run brown and
grey.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

LineStyle = str | tuple[int, tuple[float, ...]]


@dataclass(frozen=True)
class MethodStyle:
    """How one method looks: label, colour (hex), matplotlib marker, line style."""

    label: str
    colour: str
    marker: str
    line: LineStyle = "-"


METHODS: dict[str, MethodStyle] = {
    "hydra_exact": MethodStyle("Exact HyDRA", "#0072B2", "o"),
    "hydra_gauss_newton": MethodStyle("Gauss–Newton HyDRA", "#009E73", "s", (0, (5, 1))),
    "hydra_hessian_free": MethodStyle("Hessian-free HyDRA", "#56B4E9", "D", (0, (3, 1, 1, 1))),
    "hydra_averaged": MethodStyle("Averaged HyDRA", "#004B7A", "h", (0, (4, 2))),
    "influence_cg": MethodStyle("Influence (CG)", "#D55E00", "^"),
    "influence_lissa": MethodStyle("Influence (LiSSA)", "#A33F00", "v", (0, (5, 1))),
    "influence_ekfac": MethodStyle("Influence (EK-FAC)", "#E69F00", "<", (0, (3, 1, 1, 1))),
    "influence_arnoldi": MethodStyle("Influence (Arnoldi)", "#C9722E", ">", (0, (1, 1))),
    "relatif": MethodStyle("RelatIF", "#B8860B", "p", (0, (4, 2))),
    "tracin": MethodStyle("TracIn", "#CC79A7", "P"),
    "gradient_product": MethodStyle("Gradient product", "#882255", "X", (0, (5, 1))),
    "gradient_cosine": MethodStyle("Gradient cosine", "#AA4499", "d", (0, (3, 1, 1, 1))),
    "trak": MethodStyle("TRAK", "#332288", "*"),
    "data_value_embedding": MethodStyle("Data value embedding", "#44AA99", "h", (0, (4, 2))),
    "final_loss": MethodStyle("Final loss", "#444444", "s", (0, (1, 1))),
    "margin": MethodStyle("Margin", "#6B6B6B", "v", (0, (5, 1))),
    "area_under_margin": MethodStyle("Area under margin", "#7A5C3A", "^", (0, (3, 1, 1, 1))),
    "forgetting": MethodStyle("Forgetting events", "#999933", "D", (0, (4, 2))),
    "el2n": MethodStyle("EL2N", "#117733", "P", (0, (1, 1))),
    "knn_disagreement": MethodStyle("k-NN disagreement", "#8C6D46", "X", (0, (5, 1))),
    "confident_learning": MethodStyle("Confident learning", "#661100", "p", (0, (4, 2))),
    "datalab": MethodStyle("Datalab", "#AA4466", "h", (0, (3, 1, 1, 1))),
    "random": MethodStyle("Random", "#999999", "o", (0, (1, 2))),
    # Controls of removal curves, which need no score.
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


def order_methods(present: Iterable[str], study_order: Sequence[str] | None = None) -> list[str]:
    """Return the labels in ``present`` once each: study's order first, then the catalogue's, then by name."""
    found = set(present)
    wanted = [*(study_order or ()), *METHODS, *sorted(found)]
    return [label for label in dict.fromkeys(wanted) if label in found]


def method_styles(
    present: Iterable[str],
    study_order: Sequence[str] | None = None,
    colours: Mapping[str, str] | None = None,
    labels: Mapping[str, str] | None = None,
) -> dict[str, MethodStyle]:
    """Return the look of every label in ``present``, in drawing order.

    ``study_order`` is the study's whole method list: with it an unknown label keeps its spare colour even in
    a figure that shows fewer methods. ``colours`` and ``labels`` override by label.
    """
    present = list(present)
    everyone = order_methods({*present, *(study_order or ())}, study_order)
    strangers = [label for label in everyone if label not in METHODS]
    styles = {}
    for label in order_methods(present, study_order):
        if label in METHODS:
            look = METHODS[label]
        else:
            colour, marker = _SPARE[strangers.index(label) % len(_SPARE)]
            look = MethodStyle(label.replace("_", " "), colour, marker, (0, (4, 1, 1, 1)))
        if colours and label in colours:
            look = replace(look, colour=colours[label])
        if labels and label in labels:
            look = replace(look, label=labels[label])
        styles[label] = look
    return styles

"""The shared look: a fixed face for every method, options that are checked, and names in words."""

import itertools

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from hydra_steps.errors import StudyError
from hydra_steps.figures.methods import known_looks, method_styles, order_methods
from hydra_steps.figures.style import Style, canvas, drawing, grid_shape, save
from hydra_steps.tables.frames import plural

QUICK = (
    "hydra_exact",
    "hydra_gauss_newton",
    "hydra_hessian_free",
    "influence_cg",
    "gradient_product",
    "final_loss",
)


def test_no_two_methods_look_alike():
    looks = [(look.colour, look.marker) for look in known_looks().values()]
    assert len(set(looks)) == len(looks)
    assert len({look.label for look in known_looks().values()}) == len(known_looks())


def test_the_methods_of_the_quick_study_stay_apart_without_red_or_green_receptors():
    """Distance in linear light after projection onto what a deuteranope and a protanope see (Viénot et al. 1999)."""
    deutan = np.array([[0.29275, 0.70725, 0.0], [0.29275, 0.70725, 0.0], [-0.02234, 0.02234, 1.0]])
    protan = np.array([[0.11238, 0.88762, 0.0], [0.11238, 0.88762, 0.0], [0.00401, -0.00401, 1.0]])
    for matrix in (deutan, protan):
        seen = {name: matrix @ np.power(to_rgb(known_looks()[name].colour), 2.2) for name in QUICK}
        for a, b in itertools.combinations(QUICK, 2):
            shapes_differ = known_looks()[a].marker != known_looks()[b].marker
            assert np.linalg.norm(seen[a] - seen[b]) > 0.05 or shapes_differ, f"{a} and {b} look alike"


def test_every_colour_is_dark_enough_on_white():
    for name, look in known_looks().items():
        light = np.power(to_rgb(look.colour), 2.2) @ (0.2126, 0.7152, 0.0722)
        assert 1.05 / (light + 0.05) > 2.2, name  # marks, not text: shape and label carry the rest


def test_an_unknown_method_keeps_its_colour_whatever_else_is_drawn():
    study = {"hydra_exact": "hydra_exact", "mine": "tracin", "random": "random", "yours": "tracin"}
    alone = method_styles(["yours"], study)["yours"]
    together = method_styles(study, study)["yours"]
    assert alone == together
    assert method_styles(study, study)["mine"].colour != together.colour


def test_a_label_looks_like_its_method_and_not_like_the_method_that_has_its_name():
    looks = method_styles(["hydra_exact", "random"], {"hydra_exact": "random", "random": "random"})
    assert looks["random"] == known_looks()["random"]
    assert looks["hydra_exact"].label == "hydra exact (Random)"
    assert looks["hydra_exact"].colour not in {look.colour for look in known_looks().values()}


def test_methods_are_drawn_in_the_order_of_the_study_then_of_the_catalogue():
    assert order_methods({"random", "zeta", "tracin"}) == ["tracin", "random", "zeta"]
    assert order_methods({"random", "tracin"}, ["random", "tracin"]) == ["random", "tracin"]


def test_overrides():
    style = Style.of({"colours": {"random": "#123456"}, "labels": {"random": "Control"}})
    look = style.methods(["random"], None)["random"]
    assert (look.colour, look.label) == ("#123456", "Control")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"widht": "single"}, "did you mean 'width'"),
        ({"width": "wide"}, "single or double"),
        ({"colours": {"random": "no colour"}}, "figures.colours.random"),
    ],
)
def test_a_wrong_option_names_its_key(options, message):
    with pytest.raises(StudyError, match=message):
        Style.of(options)


def test_null_means_the_default():
    assert Style.of({"width": None}) == Style.of(None) == Style()


@pytest.mark.parametrize(
    ("panels", "shape"), [(0, (1, 1)), (1, (1, 1)), (4, (1, 4)), (5, (2, 3)), (7, (2, 4)), (9, (3, 3))]
)
def test_small_panels_waste_little_space(panels, shape):
    assert grid_shape(panels) == shape


def test_plural():
    assert [plural(1, "query"), plural(2, "query"), plural(1200, "seed")] == [
        "1 query",
        "2 queries",
        "1,200 seeds",
    ]


def test_a_text_with_dollars_is_drawn_as_it_is_and_powers_of_ten_are_not(tmp_path):
    """Of a label that mathtext cannot read, of one that it could, and of the numbers at the ticks."""
    with drawing(Style()):
        page, [[axes]] = canvas(3.0, 2.0)
        axes.plot([1e-3, 1e3], [0, 1], label="cost $C_{rm$ of 1")
        axes.set_xscale("log")
        axes.set_title("$x$")
        axes.set_yticks([0, 1], ["a $C_{rm$ b", "$y$"])
        axes.set_xlabel(r"$\|c\|_2$", parse_math=True)
        axes.legend()
        save(page, [tmp_path / "a.svg", tmp_path / "a.pdf", tmp_path / "a.png"])
    assert axes.title.get_parse_math() is False
    assert [text.get_parse_math() for text in axes.get_yticklabels()] == [False, False]
    powers = [text for text in axes.get_xticklabels() if text.get_text()]
    assert powers
    assert all(text.get_parse_math() for text in powers)


def drawn_with(dpi: int, folder, title: str = "") -> tuple[str, float]:
    """The text of a figure as svg, and where its axes end above once it is drawn again under a ``title``."""
    folder.mkdir()
    with drawing(Style(dpi=dpi)):
        figure, [[axes]] = canvas(3.35, 2.0)
        axes.plot([0, 1], [0, 10_000])
        axes.set_ylabel("a label")
        save(figure, [folder / "figure.svg", folder / "figure.png"])
        axes.set_title(title)
        save(figure, [folder / "again.svg"])
    return (folder / "figure.svg").read_text(encoding="utf-8"), axes.get_position().y1


def test_the_dots_of_the_png_move_nothing_in_the_other_formats(tmp_path):
    assert drawn_with(72, tmp_path / "few")[0] == drawn_with(600, tmp_path / "many")[0]


def test_a_figure_that_changed_is_laid_out_anew(tmp_path):
    assert drawn_with(300, tmp_path / "a", "A title")[1] < drawn_with(300, tmp_path / "b")[1] - 0.05

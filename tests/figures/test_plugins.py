"""A study's own figure is drawn from the tables that it names; its own method has a look although it declares none."""

import pytest

from hydra_steps.errors import StudyError
from hydra_steps.figures.captions import caption_text
from hydra_steps.figures.draw import draw_figure, needed_files, optional_files
from hydra_steps.figures.methods import known_looks, method_styles
from hydra_steps.registry import find, use_plugins
from tests.helpers.figure_tables import Tables

PLUGIN = """
from pathlib import Path
from hydra_steps.plugins import figure, method

@figure("shares", title="Shares", category="Mine")
def draw_shares(noise_table, training_table=None, outputs=(), methods=None):
    \"\"\"Draw shares.

    Shares of the labels, after {{ training.epochs }} epochs.
    \"\"\"
    for path in outputs:
        Path(path).write_text(f"{noise_table} {training_table} {methods}")

@method("guess", title="A guess", unit="rank only")
def guess(trajectory, queries):
    \"\"\"Guess.\"\"\"
"""


@pytest.fixture(autouse=True)
def plugin(tmp_path, monkeypatch):
    monkeypatch.setenv("HYDRA_STEPS_PLUGINS", "")
    (tmp_path / "my_figures.py").write_text(PLUGIN)
    use_plugins([str(tmp_path / "my_figures.py")])


def test_a_figure_of_a_plugin_is_drawn_from_the_tables_that_it_names(tmp_path):
    entry = find("figure", "shares")
    assert (list(needed_files(entry)), list(optional_files(entry))) == (["noise"], ["training"])
    noise = Tables(tmp_path).noise()
    draw_figure("shares", {"noise": noise, "agreement": "no"}, [tmp_path / "shares.txt"], {"a": "guess"})
    assert (tmp_path / "shares.txt").read_text() == f"{noise} None {{'a': 'guess'}}"
    with pytest.raises(StudyError, match=r"shares is not given noise(.|\n)*my_figures\.py"):
        draw_figure("shares", {"training": noise}, [tmp_path / "shares.txt"])


def test_its_caption_stands_in_its_docstring():
    config = {"training": {"epochs": 3}, "data": {"name": "digits"}, "model": {"name": "mlp"}}
    text = caption_text(find("figure", "shares"), config)
    assert text.startswith(
        "Shares of the labels, after 3 epochs.\n\nStudy: digits, all remaining training samples"
    )


def test_a_method_without_a_look_gets_a_spare_one():
    looks = method_styles(
        ["guess", "mine", "random"], {"guess": "guess", "mine": "guess", "random": "random"}
    )
    assert looks["guess"].label == "A guess"
    assert looks["guess"].colour != looks["mine"].colour
    assert {looks["guess"].colour, looks["mine"].colour}.isdisjoint(
        look.colour for look in known_looks().values()
    )

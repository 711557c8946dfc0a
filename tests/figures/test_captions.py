"""Captions read the study's configuration, do without what it lacks, and end with a line about the study."""

import subprocess
import sys
from dataclasses import replace

import pytest

from hydra_steps.config import resolve_study
from hydra_steps.errors import StudyError
from hydra_steps.figures.captions import caption_text
from hydra_steps.registry import entries

FIGURES = entries("figure")


@pytest.fixture(scope="module")
def study():
    return resolve_study({"study": "made-up"})


@pytest.mark.parametrize("entry", FIGURES.values(), ids=lambda entry: entry.name)
def test_captions_read_the_configuration_and_do_without_it(entry, study):
    full, bare = caption_text(entry, study), caption_text(entry, {})
    assert len(bare) > 40
    assert "{" not in full + bare
    assert "Study: " not in bare
    assert full.count("Study: ") == 1
    if entry.name != "speedup":  # the timing study has sizes of its own, and one seed
        assert "1,000 training samples" in full
        assert "2 seeds" in full


def test_the_line_about_the_study(study):
    last = caption_text(FIGURES["noise"], study).split("\n\n")[-1]
    assert last == (
        "Study: digits, 1,000 training samples, symmetric label noise at rate 0.2; lenet5_tanh, 20 epochs, 2 seeds."
    )
    clean = caption_text(FIGURES["noise"], {"data": {"name": "mine"}, "model": {"name": "small"}})
    assert clean.endswith("Study: mine, all remaining training samples, no label noise; small.")


@pytest.mark.parametrize(
    ("controls", "words"),
    [
        (
            ["random_order", "oracle"],
            "Controls: random order, and the samples with truly wrong labels first (oracle).",
        ),
        (["random_order"], "Controls: random order. "),
        (["oracle"], "Controls: the samples with truly wrong labels first (oracle)."),
        ([], None),
    ],
)
def test_removal_names_the_controls_that_are_drawn(controls, words):
    study = resolve_study({"removal": {"fractions": [0.3], "controls": controls}})
    caption = " ".join(caption_text(FIGURES["removal"], study).split()) + " "
    assert "Controls" not in caption if words is None else words in caption


def test_a_figure_without_a_caption_is_named_by_its_summary():
    entry = replace(FIGURES["noise"], text="", title="Mine", summary="Draw it.")
    assert caption_text(entry, {}) == "Mine. Draw it."


def test_a_template_that_is_wrong_names_its_place():
    entry = replace(FIGURES["noise"], text="{% if %}")
    with pytest.raises(StudyError, match=r"figures/noise\.py:\d+: the caption of the figure noise"):
        caption_text(entry, {})


def test_captions_need_no_library_of_numbers():
    code = (
        "import sys; from hydra_steps.figures.captions import caption_text; from hydra_steps.registry import entries;"
        "[caption_text(entry, {}) for entry in entries('figure').values()];"
        "sys.exit(bool({'numpy', 'pandas', 'matplotlib', 'torch'} & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)

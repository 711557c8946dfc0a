"""Chapters, summary and remarks are made of what sentences and figures declare; a stranger's find a place, too."""

import pytest

from hydra_steps.registry import entries, use_plugins
from hydra_steps.report.chapters import FURTHER, HEADINGS, chapters, remarks, summary
from hydra_steps.report.variant_tables import VariantTables

PLUGIN = """
from hydra_steps.plugins import figure, sentence
from hydra_steps.report.variant_tables import Finding

@figure("mine")
def draw(noise_table, outputs):
    \"\"\"Draw it.\"\"\"

@figure("apart", chapter="A chapter of my own")
def draw_apart(noise_table, outputs):
    \"\"\"Draw it.\"\"\"

@sentence("said", chapter="A chapter of my own", paragraph=9)
def said(tables):
    return [Finding("It is said.", key=True), Finding("And more.")]

@sentence("remarked")
def remarked(tables):
    return [Finding(f"There are {len(tables.by_name)} tables.")]
"""


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    monkeypatch.setenv("HYDRA_STEPS_PLUGINS", "")
    (tmp_path / "chaptered.py").write_text(PLUGIN)
    use_plugins([str(tmp_path / "chaptered.py")])


def test_every_sentence_and_figure_stands_in_one_chapter_of_the_list():
    found = chapters([])
    assert [chapter.heading for chapter in found] == [*HEADINGS, FURTHER]
    placed = [name for chapter in found for name in chapter.figures]
    assert sorted(placed) == sorted(entries("figure"))
    spoken = [name for chapter in found for name in chapter.sentences]
    remarked = [name for name, entry in entries("sentence").items() if not entry.traits["chapter"]]
    assert {"claims", "seeds"} <= set(remarked)
    assert sorted([*spoken, *remarked]) == sorted(entries("sentence"))
    assert all(chapter.sentences or chapter.figures for chapter in found[:-1])


def test_what_a_plugin_declares_has_a_place(plugin):
    found = {chapter.heading: chapter for chapter in chapters(["mine", "unheard_of"])}
    assert list(found) == [*HEADINGS, "A chapter of my own", FURTHER]
    assert found["A chapter of my own"].figures == ("apart",)
    assert found["A chapter of my own"].sentences == ("said",)
    assert found[FURTHER].figures == ("mine", "unheard_of")
    assert summary(VariantTables({})) == ["It is said."]
    assert "There are 0 tables." in remarks(VariantTables({}))

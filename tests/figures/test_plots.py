"""Every figure: the same bytes in any process, no dates, all formats, and no table that it cannot draw."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from hydra_steps.errors import StudyError
from hydra_steps.figures.draw import draw_figure, needed_files
from hydra_steps.figures.methods import known_looks
from hydra_steps.figures.style import Style
from hydra_steps.registry import entries, names
from tests.helpers.figure_tables import Tables

FORMATS = ("svg", "pdf", "png")
FEW = ("test_mean", "test_sample_2")
THREE = ("hydra_exact", "hydra_gauss_newton", "random")  # methods: enough where their number says nothing
FIGURES = names("figure")
# Areas of colours, curves and pictures: one function writes the files of all figures, whatever their format.
IN_ALL_FORMATS = ("agreement", "detection", "extremes")


def formats_of(name: str) -> tuple[str, ...]:
    return FORMATS if name in IN_ALL_FORMATS else FORMATS[:1]


def draw(name: str, tables: Tables, folder: Path, formats=FORMATS[:1], **options) -> dict[str, bytes]:
    """Draw a figure from made tables and return the files' bytes by suffix."""
    outputs = [folder / f"{name}.{suffix}" for suffix in formats]
    draw_figure(name, tables.files_of(name), outputs, **options)
    return {path.suffix[1:]: path.read_bytes() for path in outputs}


@pytest.fixture(scope="module")
def drawn(tmp_path_factory) -> dict[str, dict[str, bytes]]:
    """Every figure, some in all formats."""
    folder = tmp_path_factory.mktemp("drawn")
    return {name: draw(name, Tables(folder, queries=FEW), folder, formats_of(name)) for name in FIGURES}


@pytest.mark.parametrize("name", FIGURES)
def test_no_dates_or_versions(name, drawn):
    files = drawn[name]
    begins = {"svg": b"<?xml", "pdf": b"%PDF", "png": b"\x89PNG"}
    assert tuple(files) == formats_of(name)
    for suffix, content in files.items():
        assert content.startswith(begins[suffix])
        assert not re.search(rb"CreationDate|ModDate|<dc:date>|tEXt|matplotlib\.org|Matplotlib v", content)
    width = float(re.search(rb'width="([\d.]+)pt"', files["svg"])[1]) / 72
    assert width in (pytest.approx(3.35), pytest.approx(6.9))


def test_the_same_bytes_in_another_process(tmp_path, drawn):
    """Neither the hash seed nor a user's own matplotlib settings decide a byte."""
    (tmp_path / "matplotlibrc").write_text("font.size: 20\naxes.grid: True\nsavefig.bbox: tight\n")
    code = (
        "import sys; from pathlib import Path; from tests.helpers.figure_tables import Tables;"
        "from tests.figures.test_plots import FEW, FIGURES, FORMATS, draw;"
        "folder = Path(sys.argv[1]);"
        "[draw(name, Tables(folder, queries=FEW), folder, FORMATS if name == 'agreement' else FORMATS[:1])"
        " for name in FIGURES]"
    )
    root = Path(__file__).parents[2]
    environment = os.environ | {"PYTHONHASHSEED": "7", "MATPLOTLIBRC": str(tmp_path), "PYTHONPATH": str(root)}
    there = tmp_path / "there"
    subprocess.run([sys.executable, "-c", code, str(there)], check=True, env=environment, cwd=root)
    for name, files in drawn.items():
        for suffix, content in files.items():
            if suffix == FORMATS[0] or name == "agreement":
                assert content == (there / f"{name}.{suffix}").read_bytes(), f"{name}.{suffix} differs"


@pytest.mark.parametrize("name", FIGURES)
@pytest.mark.parametrize(
    "shape",
    [
        {"seeds": (0,), "methods": ("hydra_exact",), "queries": ("validation_margin_2",)},
        {"variants": ("base", "clean"), "methods": ("my_own", "random", "tracin"), "queries": FEW},
    ],
    ids=["one of each and no mean query", "variants and an unknown method"],
)
def test_smaller_and_larger_studies(name, shape, tmp_path):
    draw(name, Tables(tmp_path, **shape), tmp_path)


def shown_texts(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch, first: str) -> list[str]:
    """Return the words of a figure whose methods' labels begin with ``first``, as they are when it would be written;
    without its numbers, as there are as many ticks as the labels leave room for."""
    texts: list[str] = []
    labels = {method: f"{first}{method}" for method in known_looks()}
    with monkeypatch.context() as patch:  # nothing is written: matplotlib has all texts by then
        patch.setattr(
            Figure, "savefig", lambda page, *_, **__: texts.extend(t.get_text() for t in page.findobj(Text))
        )
        tables = Tables(folder, queries=FEW).files_of(name)
        draw_figure(name, tables, [folder / f"{name}.svg"], style=Style(labels=labels))
    words = [text.replace(first, "") for text in texts]
    return sorted(text for text in words if re.search("[A-Za-z]", text.replace("mathdefault", "")))


@pytest.mark.parametrize("name", FIGURES)
def test_a_label_that_begins_with_an_underscore_is_in_the_legend(name, tmp_path, monkeypatch):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    plain = shown_texts(name, tmp_path / "a", monkeypatch, "§")
    assert any(plain)
    assert shown_texts(name, tmp_path / "b", monkeypatch, "_§") == plain


@pytest.mark.parametrize("name", FIGURES)
@pytest.mark.parametrize("damage", ["values", "one method, and intervals", "rows"])
def test_missing_numbers(name, damage, tmp_path):
    """Undefined values, a method without numbers, no intervals, and a table without rows are drawn, too."""

    class Damaged(Tables):
        def _save(self, table_name, table):
            measured = [c for c in ("value", "predicted", "real") if c in table]
            if damage == "values":
                table[measured] = float("nan")
            elif damage != "rows":
                if "method" in table:
                    table.loc[table["method"] == "hydra_gauss_newton", measured] = float("nan")
                table = table.assign(**{c: float("nan") for c in ("ci_low", "ci_high") if c in table})
            else:
                table = table.head(0)
            return super()._save(table_name, table)

    draw(name, Damaged(tmp_path, methods=THREE, queries=FEW), tmp_path)


def test_a_table_that_is_missing_or_lacks_a_column_is_one_clear_error(tmp_path):
    output = [tmp_path / "training.png"]
    with pytest.raises(StudyError, match=r"nowhere\.csv cannot be read"):
        draw_figure("training", {"training": tmp_path / "nowhere.csv"}, output)
    (tmp_path / "empty.csv").write_text("")
    with pytest.raises(StudyError, match=r"empty\.csv cannot be read"):
        draw_figure("training", {"training": tmp_path / "empty.csv"}, output)
    path = Tables(tmp_path).training()
    pd.read_csv(path).drop(columns="epoch").to_csv(path, index=False)
    with pytest.raises(StudyError, match="no column epoch"):
        draw_figure("training", {"training": path}, output)


def test_an_unknown_format_is_refused(tmp_path):
    with pytest.raises(StudyError, match=r"a file name that ends with \.svg, \.pdf, \.png"):
        draw_figure("training", {"training": Tables(tmp_path).training()}, [tmp_path / "training.tiff"])


def test_pictures_that_are_missing_are_one_clear_error(tmp_path):
    files = Tables(tmp_path).files_of("extremes") | {"extremes_images": tmp_path / "nowhere.npz"}
    with pytest.raises(StudyError, match=r"nowhere\.npz cannot be read"):
        draw_figure("extremes", files, [tmp_path / "extremes.png"])


def test_a_sample_without_a_picture_is_drawn_as_such(tmp_path):
    with (tmp_path / "other.npz").open("wb") as file:
        np.savez(file, a=np.zeros(1))
    output = tmp_path / "extremes.svg"
    files = Tables(tmp_path).files_of("extremes") | {"extremes_images": tmp_path / "other.npz"}
    draw_figure("extremes", files, [output])
    assert output.stat().st_size > 0


@pytest.mark.parametrize("name", FIGURES)
def test_a_file_that_is_not_given_is_named(name, tmp_path):
    needed = needed_files(entries("figure")[name])
    with pytest.raises(StudyError, match=f"figure {name} is not given {' and '.join(needed)}"):
        draw_figure(name, {}, [tmp_path / "figure.svg"])


def test_a_figure_that_nobody_declared_is_one_clear_error(tmp_path):
    with pytest.raises(StudyError, match="did you mean 'agreement'"):
        draw_figure("agreemnt", {}, [tmp_path / "figure.svg"])

"""Every figure: all formats, the same bytes in any process, no dates, and no table that it cannot draw."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import hydra_steps.figures as figures
from hydra_steps.errors import StudyError
from tests.helpers.figure_tables import Tables

FORMATS = ("svg", "pdf", "png")
FEW = ("test_mean", "test_sample_2")
# figure -> its table, and the other tables it may read, by argument
PLOTS = {
    "training": ("training", {}),
    "noise": ("noise", {}),
    "agreement": ("agreement", {}),
    "detection": ("detection", {"noise": "noise"}),
    "counterfactual": ("counterfactual", {}),
    "prediction": ("points", {}),
    "contributions": ("contributions", {}),
    "removal": ("removal", {}),
    "brittleness": ("brittleness", {}),
    "approximation": ("approximation", {}),
    "stability": ("stability", {}),
    "claims": ("claims", {}),
    "clustering": ("clustering", {}),
    "embedding": ("embedding", {}),
    "class_contributions": ("class_contributions", {}),
    "ablations": ("ablations", {}),
    "extremes": ("extremes", {"pictures": "extremes_images"}),
}


def draw(name: str, tables: Tables, folder: Path, formats=FORMATS, **options) -> dict[str, bytes]:
    """Draw a figure and return the files' bytes by suffix."""
    table, others = PLOTS[name]
    outputs = [folder / f"{name}.{suffix}" for suffix in formats]
    paths = {argument: getattr(tables, other)() for argument, other in others.items()}
    plot = getattr(figures, f"plot_{name}")
    plot(table=getattr(tables, table)(), outputs=outputs, **paths, **options)
    return {path.suffix[1:]: path.read_bytes() for path in outputs}


@pytest.mark.parametrize("name", PLOTS)
def test_all_formats_without_dates_or_versions(name, tmp_path):
    files = draw(name, Tables(tmp_path), tmp_path / "figures")
    assert files["svg"].startswith(b"<?xml")
    assert files["pdf"].startswith(b"%PDF")
    assert files["png"].startswith(b"\x89PNG")
    for content in files.values():
        assert not re.search(rb"CreationDate|ModDate|<dc:date>|tEXt|matplotlib\.org|Matplotlib v", content)
    width = float(re.search(rb'width="([\d.]+)pt"', files["svg"])[1]) / 72
    assert width in (pytest.approx(3.35), pytest.approx(6.9))


def test_the_same_bytes_in_another_process(tmp_path):
    """Neither the hash seed nor a user's own matplotlib settings decide a byte."""
    (tmp_path / "matplotlibrc").write_text("font.size: 20\naxes.grid: True\nsavefig.bbox: tight\n")
    here = {name: draw(name, Tables(tmp_path / "here", queries=FEW), tmp_path / "here") for name in PLOTS}
    code = (
        "import sys; from pathlib import Path; from tests.helpers.figure_tables import Tables;"
        "from tests.figures.test_plots import FEW, PLOTS, draw;"
        "folder = Path(sys.argv[1]); [draw(name, Tables(folder, queries=FEW), folder) for name in PLOTS]"
    )
    root = Path(__file__).parents[2]
    environment = os.environ | {"PYTHONHASHSEED": "7", "MATPLOTLIBRC": str(tmp_path), "PYTHONPATH": str(root)}
    there = tmp_path / "there"
    subprocess.run([sys.executable, "-c", code, str(there)], check=True, env=environment, cwd=root)
    for name, files in here.items():
        for suffix, content in files.items():
            assert content == (there / f"{name}.{suffix}").read_bytes(), f"{name}.{suffix} differs"


@pytest.mark.parametrize("name", PLOTS)
@pytest.mark.parametrize(
    "shape",
    [
        {"seeds": (0,)},
        {"methods": ("hydra_exact",)},
        {"methods": ("my_own", "random", "tracin")},
        {"queries": ("test_mean",)},
        {"queries": ("test_sample_4", "validation_margin_2")},
        {"variants": ("base", "clean"), "queries": ("test_mean", "test_sample_2")},
    ],
    ids=["one seed", "one method", "unknown method", "one query", "no mean query", "variants"],
)
def test_smaller_and_larger_studies(name, shape, tmp_path):
    draw(name, Tables(tmp_path, **shape), tmp_path, formats=["svg"])


@pytest.mark.parametrize("name", PLOTS)
@pytest.mark.parametrize("damage", ["values", "one method", "intervals", "rows"])
def test_missing_numbers(name, damage, tmp_path):
    """Undefined values, a method without numbers, no intervals, and a table without rows are drawn, too."""

    class Damaged(Tables):
        def _save(self, table_name, table):
            measured = [c for c in ("value", "predicted", "real") if c in table]
            if damage == "values":
                table[measured] = float("nan")
            elif damage == "one method":
                table.loc[table["method"] == "hydra_gauss_newton", measured] = float("nan")
            elif damage == "intervals":
                table = table.assign(**{c: float("nan") for c in ("ci_low", "ci_high") if c in table})
            else:
                table = table.head(0)
            return super()._save(table_name, table)

    draw(name, Damaged(tmp_path, queries=FEW), tmp_path, formats=["svg"])


def test_a_table_that_is_missing_or_lacks_a_column_is_one_clear_error(tmp_path):
    output = [tmp_path / "training.png"]
    with pytest.raises(StudyError, match=r"nowhere\.csv cannot be read"):
        figures.plot_training(table=tmp_path / "nowhere.csv", outputs=output)
    (tmp_path / "empty.csv").write_text("")
    with pytest.raises(StudyError, match=r"empty\.csv cannot be read"):
        figures.plot_training(table=tmp_path / "empty.csv", outputs=output)
    path = Tables(tmp_path).training()
    pd.read_csv(path).drop(columns="epoch").to_csv(path, index=False)
    with pytest.raises(StudyError, match="no column epoch"):
        figures.plot_training(table=path, outputs=output)


def test_an_unknown_format_is_refused(tmp_path):
    with pytest.raises(StudyError, match=r"a file name that ends with \.svg, \.pdf, \.png"):
        figures.plot_training(table=Tables(tmp_path).training(), outputs=[tmp_path / "training.tiff"])


def test_pictures_that_are_missing_are_one_clear_error(tmp_path):
    tables = Tables(tmp_path)
    with pytest.raises(StudyError, match=r"nowhere\.npz cannot be read"):
        figures.plot_extremes(
            table=tables.extremes(), pictures=tmp_path / "nowhere.npz", outputs=[tmp_path / "extremes.png"]
        )


def test_a_sample_without_a_picture_is_drawn_as_such(tmp_path):
    tables = Tables(tmp_path)
    with (tmp_path / "other.npz").open("wb") as file:
        np.savez(file, a=np.zeros(1))
    output = tmp_path / "extremes.svg"
    figures.plot_extremes(table=tables.extremes(), pictures=tmp_path / "other.npz", outputs=[output])
    assert output.stat().st_size > 0

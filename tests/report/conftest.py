"""A made-up study on disk with its figures and its report, and a browser to read the report with."""

from pathlib import Path

import pytest

from hydra_steps.config import resolve_study, study_yaml
from hydra_steps.figures.draw import draw_figure
from hydra_steps.report import write_report
from tests.helpers.browser import browser
from tests.helpers.figure_tables import Tables

__all__ = ["browser"]


def make_report(folder: Path, figures: bool = True, **shape) -> Path:
    """Write tables, two figures or none, configuration and report into ``folder``; return the report's path."""
    tables, drawn = Tables(folder / "tables", **shape).all(), []
    if figures:
        drawn = [folder / "figures" / name for name in ("detection.svg", "noise.svg", "noise.pdf")]
        draw_figure("detection", tables, drawn[:1])
        draw_figure("noise", tables, drawn[1:])
    (folder / "config.yaml").write_text(study_yaml(resolve_study({"study": "made-up"})), encoding="utf-8")
    output = folder / "report.html"
    write_report(
        config=folder / "config.yaml",
        tables=sorted((folder / "tables").glob("*.csv")),
        figures=drawn,
        output=output,
        command="snakemake --configfile config/made-up.yaml",
    )
    return output


@pytest.fixture(scope="session")
def report(tmp_path_factory) -> Path:
    return make_report(tmp_path_factory.mktemp("study"))

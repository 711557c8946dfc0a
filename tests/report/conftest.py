"""A made-up study on disk with its figures and its report, and a browser to read the report with."""

import os
import shutil
from pathlib import Path

import pytest

from hydra_steps import figures
from hydra_steps.config import resolve_study, study_yaml
from hydra_steps.report import write_report
from tests.figures.tables import Tables

ROOT = Path(__file__).parents[2]
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--force-prefers-reduced-motion",  # or a click may land where the page was before it scrolled
    "--window-size=1200,1000",
)


def make_report(folder: Path, **shape) -> Path:
    """Write tables, two figures, configuration and report into ``folder``; return the report's path."""
    tables = Tables(folder / "tables", **shape).all()
    drawn = [folder / "figures" / f"{name}.svg" for name in ("detection", "noise")]
    drawn.append(folder / "figures" / "noise.pdf")
    figures.plot_detection(table=tables["detection"], noise=tables["noise"], outputs=drawn[:1])
    figures.plot_noise(table=tables["noise"], outputs=drawn[1:])
    (folder / "config.yaml").write_text(study_yaml(resolve_study({"study": "made-up"})), encoding="utf-8")
    output = folder / "report.html"
    write_report(
        config=folder / "config.yaml",
        tables=sorted((folder / "tables").glob("*.csv")),
        figures=drawn,
        captions=sorted((ROOT / "workflow" / "report").glob("*.rst")),
        output=output,
        command="snakemake --configfile config/made-up.yaml",
    )
    return output


@pytest.fixture(scope="session")
def report(tmp_path_factory) -> Path:
    return make_report(tmp_path_factory.mktemp("study"))


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    """A headless Chromium that logs its console and every request."""
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    if chromium is None or driver is None:
        # Continuous integration sets it: there the tests must not pass by being left out.
        refuse = pytest.fail if os.environ.get("HYDRA_REQUIRE_BROWSER") else pytest.skip
        refuse(
            "these tests read the report in a real browser, and there is no Chromium with its driver here; "
            "install them (Debian: apt-get install chromium chromium-driver; Ubuntu: chromium-browser "
            "chromium-chromedriver; conda: conda install -c conda-forge chromium python-chromedriver-binary)"
        )
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('browser')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    browser = webdriver.Chrome(options=options, service=Service(driver))
    yield browser
    browser.quit()

"""The page as a file: one file, everything in it, nothing fetched, the same bytes again, safe with any content."""

import re

import pandas as pd
import pytest

from hydra_steps.errors import StudyError
from hydra_steps.report import write_report
from hydra_steps.report.captions import caption_html
from hydra_steps.report.tables import MOST_ROWS, shown_table
from tests.report.conftest import make_report


def test_everything_is_in_one_file(report):
    page = report.read_text(encoding="utf-8")
    assert not re.search(r"""(src|href)=["'](?!data:|#)""", page)
    assert not re.search(r"https?://", page)
    assert page.count("<img ") == 2
    assert "data:image/svg+xml;base64," in page
    for part in (
        "Summary",
        "Set-up",
        "Results",
        "Tables",
        "Repeat it",
        "study: made-up",
        "matplotlib",
        "--configfile",
    ):
        assert part in page


def test_the_same_inputs_give_the_same_bytes(report):
    first = report.read_bytes()
    make_report(report.parent)
    assert report.read_bytes() == first


@pytest.mark.parametrize(
    "shape",
    [
        {"seeds": (3,)},
        {"methods": ("mine",)},
        {"variants": ("base", "other")},
        {"queries": ("test_sample_1",)},
    ],
    ids=["one seed", "one method", "two variants", "no mean query"],
)
def test_other_studies(shape, tmp_path):
    page = make_report(tmp_path, figures=False, **shape).read_text(encoding="utf-8")
    assert ("one seed" in page) == ("seeds" in shape)
    assert "undefined" not in re.sub(r"<script>.*?</script>|<style>.*?</style>", "", page, flags=re.S)


def test_empty_and_missing_tables_leave_a_page_that_says_so(tmp_path):
    (tmp_path / "config.yaml").write_text("study: bare\n")
    table = tmp_path / "detection.csv"
    table.write_text("variant,run,seed,method,query,metric,fraction,n,value,ci_low,ci_high,sd_seeds\n")
    for tables in ([], [table]):
        write_report(
            config=tmp_path / "config.yaml",
            tables=tables,
            figures=[],
            output=tmp_path / "report.html",
        )
        assert "nothing was measured" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_what_an_earlier_form_of_the_study_left_is_a_remark(tmp_path):
    (tmp_path / "config.yaml").write_text("study: changed\n")
    pages = []
    for given in ({}, {"left_over": ""}, {"left_over": "Not of this study as it is now: figures/a<b>.pdf."}):
        output = tmp_path / "report.html"
        write_report(config=tmp_path / "config.yaml", tables=[], figures=[], output=output, **given)
        pages.append(output.read_text(encoding="utf-8"))
    remark = "<p>Not of this study as it is now: figures/a&lt;b&gt;.pdf.</p>\n"
    assert pages[0] == pages[1] == pages[2].replace(remark, "")
    assert remark in pages[2].split('<h2 id="setup-heading">')[0]


def test_content_is_escaped(tmp_path):
    (tmp_path / "config.yaml").write_text("study: '<script>alert(1)</script>'\nmethods: {'<b>x</b>': {}}\n")
    table = tmp_path / "timing.csv"
    table.write_text("variant,run,seed,method,query,metric,n,value\nbase,base,all,<b>x</b>,,seconds,1,2\n")
    output = tmp_path / "report.html"
    write_report(config=tmp_path / "config.yaml", tables=[table], figures=[], output=output)
    page = output.read_text(encoding="utf-8")
    assert "<script>alert" not in page
    assert "<b>x</b>" not in page


def test_a_configuration_that_cannot_be_read_is_one_clear_error(tmp_path):
    with pytest.raises(StudyError, match="cannot be read"):
        write_report(config=tmp_path / "no.yaml", tables=[], figures=[], output=tmp_path / "report.html")


def test_a_large_table_is_cut_to_its_summary():
    rows = [{"variant": "base", "seed": str(seed), "value": seed} for seed in range(MOST_ROWS)]
    shown = shown_table(
        "big", pd.DataFrame([*rows, {"variant": "base", "seed": "all", "value": 1.0}]), "big.csv"
    )
    assert len(shown.rows) == 1
    assert "3,001 rows" in shown.remark


def test_marks_in_captions():
    assert caption_html("a *b* **c** ``d<e``") == "a <em>b</em> <strong>c</strong> <code>d&lt;e</code>"

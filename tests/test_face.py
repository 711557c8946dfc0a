"""What catalogues, hosts and editors look for in a repository is there, and is kept current."""

from __future__ import annotations

import re
from pathlib import Path

import jsonschema
import pytest
import yaml

from hydra_steps.config.published import published_schema, schema_text
from hydra_steps.config.resolve import load_study
from tests.helpers.schema import fits_schema
from tools.rulegraph import rule_graph

ROOT = Path(__file__).parents[1]
STUDIES = sorted((ROOT / "config").glob("*.yaml"))
WRONG = {
    "a key": {"trainning": {}},
    "a value": {"training": {"epochs": "many"}},
    "an option": {"model": {"name": "mlp", "momentum": 0.9}},
    "an option of a method": {"methods": {"hydra_exact": {"rate": 1}}},
    "an option under a label": {"methods": {"mine": {"method": "random", "rate": 1}}},
}


def test_the_schema_is_the_codes() -> None:
    assert (ROOT / "workflow/schemas/config.schema.yaml").read_text(encoding="utf-8") == schema_text()
    jsonschema.Draft202012Validator.check_schema(published_schema())


@pytest.mark.parametrize("file", STUDIES, ids=lambda file: file.stem)
def test_the_schema_allows_every_study(file: Path) -> None:
    fits_schema(load_study(file))


@pytest.mark.parametrize("name", WRONG)
def test_the_schema_refuses(name: str) -> None:
    with pytest.raises(jsonschema.ValidationError):
        fits_schema(WRONG[name])


def test_the_quick_study_is_the_default_one() -> None:
    assert load_study(ROOT / "config/config.yaml") == load_study(ROOT / "config/quickstart.yaml")


def test_the_catalogue_is_told_how_to_use_it() -> None:
    told = yaml.safe_load((ROOT / ".snakemake-workflow-catalog.yml").read_text(encoding="utf-8"))
    assert {"mandatory-flags", "software-stack-deployment", "report"} <= set(told["usage"])


def test_the_hosts_job_is_the_ci_of_this_repository() -> None:
    told = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8"))
    commands = [step.get("run", "") for job in told["jobs"].values() for step in job["steps"]]
    assert any(".ci/run" in command for command in commands)


def test_the_picture_shows_every_kind_of_rule() -> None:
    """Boxes of the picture and rules of the Snakefiles, but for targets and what the quick study has not."""
    shown = set(re.findall(r"<title>(\w+)</title>", (ROOT / "images/rulegraph.svg").read_text("utf-8")))
    text = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "workflow/rules").glob("*.smk"))
    known = set(re.findall(r"^rule (\w+):", text, re.MULTILINE)) | {"all", "fetch_data", "rules"}
    assert shown <= known
    assert {"split_data", "train_model", "score_samples", "plot_figure", "write_report"} <= shown


def test_the_graph_is_the_same_in_any_order_and_has_one_box_for_tables() -> None:
    lines = ['0[label = "all"];', '1[label = "evaluate_a"];', '2[label = "evaluate_b"];', "1 -> 0", "2 -> 0"]
    graph = rule_graph("\n".join(lines))
    assert graph == rule_graph("\n".join(reversed(lines)))
    assert graph.count("->") == 1

"""The metadata of a finished study: valid RO-Crate, and true of every file that it names."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import rocrate
import yaml

from hydra_steps import __version__
from hydra_steps.errors import StudyError
from tests.workflow.conftest import ROOT, STUDY, Tree


def write(place: Path) -> dict[str, object]:
    """Write the crate of the tests' study in a folder that holds its results, and return it."""
    command = [sys.executable, "-m", "hydra_steps.crate", str(ROOT / STUDY)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    subprocess.run(command, cwd=place, env=environment, check=True, capture_output=True)
    told: dict[str, object] = json.loads((place / "results/test/ro-crate-metadata.json").read_text())
    return told


def test_the_crate_is_valid_and_true(finished: Tree, tmp_path: Path) -> None:
    told = write(finished.folder)
    entities = {one["@id"]: one for one in told["@graph"]}
    for file in (*finished.contents("tables", "figures"), "report.html", "config.yaml"):
        content = (finished.results / file).read_bytes()
        assert entities[file]["sha256"] == hashlib.sha256(content).hexdigest(), file
        assert entities[file]["contentSize"] == str(len(content))
    assert entities["#hydra-steps"]["version"] == __version__
    assert any(one.startswith("torch==") for one in entities["#environment"]["softwareRequirements"])
    assert {one["@id"] for one in entities["#run"]["object"]} == {"config.yaml", "#digits"}

    # The validator asks the network for the context; the library brings it.
    bundled = json.loads((Path(rocrate.__file__).parent / "data/ro-crate.jsonld").read_text(encoding="utf-8"))
    folder = tmp_path / "crate"
    shutil.copytree(finished.results, folder)
    (folder / "ro-crate-metadata.json").write_text(json.dumps(told | {"@context": bundled["@context"]}))
    validator = Path(sys.executable).with_name("rocrate-validator")
    options = ["--no-interactive", "-y", "validate", "--offline", "-p", "ro-crate-1.1", "--no-paging", "-v"]
    done = subprocess.run([validator, *options, folder], text=True, capture_output=True)
    assert done.returncode == 0, done.stdout[-5000:]
    assert "is a valid ro-crate-1.1" in done.stdout


def test_an_unfinished_study_has_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from hydra_steps.config.resolve import load_study
    from hydra_steps.crate import write_crate

    monkeypatch.chdir(tmp_path)
    with pytest.raises(StudyError, match="has no report.html"):
        write_crate(load_study(ROOT / STUDY))


def test_the_citation_names_the_version() -> None:
    assert yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))["version"] == __version__

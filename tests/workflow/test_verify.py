"""``hydra-steps --verify`` says what of a study's results is whole, and names what is not once."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys

import pytest

from tests.workflow.conftest import ENVIRONMENT, STUDY, Tree


def verify(tree: Tree, whole: bool) -> str:
    command = [sys.executable, "-m", "hydra_steps", STUDY, "--verify"]
    done = subprocess.run(command, cwd=tree.folder, env=ENVIRONMENT, text=True, capture_output=True)
    assert (done.returncode == 0) == whole, done.stderr[-3000:]
    assert "Traceback" not in done.stderr
    return done.stdout


def digest(said: str) -> str:
    (found,) = re.findall(r"^digest +([0-9a-f]{64})$", said, re.M)
    return found


@pytest.fixture(scope="module")
def whole(study: Tree) -> str:
    """What is said of the finished study."""
    return verify(study, whole=True)


def test_a_finished_study_is_whole_and_its_report_says_its_digest(study: Tree, whole: str) -> None:
    outputs = re.findall(r"^whole +(\d+) of (\d+) outputs$", whole, re.M)
    assert outputs[0][0] == outputs[0][1]
    assert digest(whole) in (study.results / "report.html").read_text(encoding="utf-8")


def test_what_rests_on_measurements_of_snakemakes_is_named(finished: Tree, whole: str) -> None:
    assert re.findall(r"^unsealed (\S+): made from benchmarks/", whole, re.M) == [
        "results/test/tables/jobs.csv"
    ]
    reading = next((finished.results / "benchmarks").rglob("*.tsv"))
    reading.write_text(reading.read_text().replace("0", "7"))
    assert verify(finished, whole=True) == whole  # nothing is made again from what was changed
    assert finished.planned() == {}
    jobs = finished.results / "tables/jobs.csv"
    jobs.write_text(jobs.read_text().replace("0", "7"))
    assert re.search(r"^edited +results/test/tables/jobs.csv", verify(finished, whole=False), re.M)


def test_each_fault_is_one_line_beside_what_is_stale_by_it(finished: Tree) -> None:
    scores = finished.results / "runs/base-seed0/scores"
    chunk = max(
        (p for p in (scores / "influence_cg").rglob("*") if p.is_file()), key=lambda p: p.stat().st_size
    )
    data = bytearray(chunk.read_bytes())
    data[9] ^= 1
    chunk.write_bytes(data)
    labels = finished.results / "runs/base-seed1/labels.csv"
    labels.write_text(labels.read_text() + "\n")
    (finished.results / "tables/noise.csv").unlink()
    for name in (".provenance/random.json", "random"):
        source = scores / name
        target = finished.results / "runs/base-seed1/scores" / name
        if source.is_dir():
            shutil.rmtree(target)
            shutil.copytree(source, target)
        else:
            shutil.copy2(source, target)
    finished.edit(STUDY, lambda text: text + "figures: {font_size: 9}\n")
    (finished.results / "figures/training.svg").write_text("<svg/>")
    said = verify(finished, whole=False)
    found = {path: kind for kind, path in re.findall(r"^(\w+) +results/test/(\S+): ", said, re.M)}
    # What was drawn from another font, and all tables of the scores that came from another run, are stale.
    others = {
        path: kind for path, kind in found.items() if kind != "stale" or path.startswith(("runs/", "config"))
    }
    assert others == {
        "config.yaml": "stale",
        "figures/training.svg": "edited",
        "runs/base-seed0/scores/influence_cg": "edited",
        "runs/base-seed1/labels.csv": "edited",
        "runs/base-seed1/scores/random": "stale",
        "tables/noise.csv": "missing",
    }
    assert found["figures/noise.svg"] == found["tables/agreement.csv"] == "stale"
    assert {"tables/training.csv", "runs/base-seed0/labels.csv"}.isdisjoint(found)

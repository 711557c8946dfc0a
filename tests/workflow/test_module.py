"""The workflow in other places: twice in another workflow, in other folders, from a repository."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import yaml

from tests.helpers.warm_snakemake import run_snakemake
from tests.workflow.conftest import ENVIRONMENT, ROOT, Tree

# As few jobs as a study can have: one method, and labels of which nobody knows whether they are right.
TINY = """\
seeds: [0]
data: {name: digits, train: 60, validation: 20, test: 20}
noise: {kind: unknown}
model: {name: mlp, hidden: [4]}
training: {epochs: 1, batch_size: 20, optimizer: {name: sgd, learning_rate: 0.1}}
queries: [{kind: mean_loss, split: test}]
methods: {final_loss: {}}
counterfactual: {groups: 2, fraction: 0.05}
figures: {formats: [svg]}
"""
IMPORTER = """\
configfile: "studies.yaml"


module first:
    snakefile: "{root}/Snakefile"
    config: config["first"]
    prefix: "one"


use rule * from first as first_*


module second:
    snakefile: "{root}/Snakefile"
    config: config["second"]
    prefix: "two/deep"


use rule * from second exclude noise_labels as second_*


use rule noise_labels from second as second_noise_labels with:
    message: "the importer's own words"


rule compare:
    default_target: True
    input:
        "one/results/alpha/report.html",
        "two/deep/elsewhere/beta/report.html",
    output: "compared.txt"
    shell: "cat one/results/alpha/tables/training.csv two/deep/elsewhere/beta/tables/training.csv > {{output}}"
"""


def snakemake(folder: Path, *arguments: str, fails: bool = False) -> str:
    code, said = run_snakemake(arguments, folder, ENVIRONMENT)
    assert (code != 0) == fails, said[-5000:]
    return said


def files(folder: Path) -> set[str]:
    """Everything below a folder, but for what Snakemake and the lock keep."""
    found = (path for path in folder.rglob("*") if path.is_file() and ".snakemake" not in path.parts)
    return {str(path.relative_to(folder)) for path in found if not path.name.startswith(".")}


def test_another_workflow_holds_two_studies_beside_its_own_rules(tmp_path: Path) -> None:
    first, second = yaml.safe_load(TINY), yaml.safe_load(TINY)
    first |= {"study": "alpha"}
    second |= {"study": "beta", "results": "elsewhere", "explorer": {"top": 2}}
    second["data"] = {
        "name": "table",
        "folder": "mine",
        "file": "rows.csv",
    }  # a user's own, which no prefix moves
    (tmp_path / "mine").mkdir()
    rows = "".join(f"{i % 7},{i * i % 11},{'ab'[i * i % 11 > 4]}\n" for i in range(90))
    (tmp_path / "mine/rows.csv").write_text(f"first,second,label\n{rows}")
    (tmp_path / "Snakefile").write_text(IMPORTER.format(root=ROOT))
    (tmp_path / "studies.yaml").write_text(yaml.safe_dump({"first": first, "second": second}))
    assert "the importer's own words" in snakemake(tmp_path, "--dry-run")
    snakemake(tmp_path, "--cores", "2")

    assert (tmp_path / "compared.txt").read_text().count("base") > 4
    made = files(tmp_path)
    assert {path.split("/")[0] for path in made} == {
        "Snakefile",
        "studies.yaml",
        "compared.txt",
        "one",
        "two",
        "mine",
        "data",
    }
    assert {path.split("/")[1] for path in made if path.startswith("data/")} == {"prepared"}
    places = [
        ("one", "results", "alpha", "digits", 60),
        ("two/deep", "elsewhere", "beta", "table", "all remaining"),
    ]
    for place, results, study, data, count in places:
        out = tmp_path / place / results / study
        told = yaml.safe_load((out / "config.yaml").read_text())
        own = study == "beta"
        assert (f"{place}/data/digits/manifest.json" in made) != own
        assert (told["results"], told["data"]["folder"]) == (
            f"{place}/{results}",
            "mine" if own else f"{place}/data",
        )
        assert "train_model" in (out / "tables/jobs.csv").read_text()
        assert f"Study: {data}, {count} training samples" in (out / "report.html").read_text()
    assert "Nothing to be done" in snakemake(tmp_path, "--dry-run")
    snakemake(tmp_path, "--report", "all.html")
    assert "Study: digits, 60 training samples" in (tmp_path / "all.html").read_text()


def test_studies_with_different_plug_ins_are_refused_in_one_workflow(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text("")
    (tmp_path / "Snakefile").write_text(IMPORTER.format(root=ROOT))
    both = {"first": {"plugins": ["own.py"]}, "second": {}}
    (tmp_path / "studies.yaml").write_text(yaml.safe_dump(both))
    said = snakemake(tmp_path, "--dry-run", fails=True)
    assert "the same in all studies of a workflow" in said
    assert "Traceback" not in said


def test_any_folder_will_do(tree: Tree, tmp_path: Path) -> None:
    """The workflow in a folder of such a name, run in another one, with results and a plug-in in such folders."""
    name = "größe with 测试"
    workflow, place = tmp_path / name / "workflow here", tmp_path / name / "run here"
    workflow.parent.mkdir()
    tree.folder.rename(workflow)
    place.mkdir()
    (place / "a study.yaml").write_text(
        TINY + f"study: tiny\nresults: 'results {name}'\nplugins: ['own {name}.py']\n"
    )
    (place / f"own {name}.py").write_text("")
    figure = f"results {name}/tiny/figures/training.svg"
    arguments = [figure, "-s", str(workflow / "Snakefile")]
    arguments += ["--directory", str(place), "--configfile", str(place / "a study.yaml")]
    # Jobs with interpreters of their own: they find the package by the workflow's folder, whatever its name.
    command = [sys.executable, "-m", "snakemake", *arguments, "--cores", "2"]
    subprocess.run(command, cwd=tmp_path, env=ENVIRONMENT, check=True)
    assert (place / figure).is_file()
    assert "Nothing to be done" in snakemake(tmp_path, *arguments, "--dry-run")
    assert not (workflow / "results").exists()


def test_elsewhere_it_is_the_quick_study_too(tmp_path: Path) -> None:
    said = snakemake(tmp_path, "--dry-run", "-s", str(ROOT / "Snakefile"))
    assert "results/quickstart/report.html" in said


def test_it_is_read_from_a_repository_where_the_package_is_installed(tree: Tree, tmp_path: Path) -> None:
    """As ``snakedeploy`` writes it, with a repository on the disk in place of one on a host.

    No further than its rules: Snakemake 9.27 finds no scripts through ``gitfile``, as it does through ``github``.
    """
    identity = ["-c", "user.name=test", "-c", "user.email=test"]
    for command in (["init", "-q"], ["add", "."], [*identity, "commit", "-qm", "all"], ["tag", "v1"]):
        subprocess.run(["git", *command], cwd=tree.folder, check=True)
    place = tmp_path / "deployed"
    (place / "config").mkdir(parents=True)
    (place / "config/config.yaml").write_text(TINY + "study: tiny\n")
    (place / "Snakefile").write_text(
        'configfile: "config/config.yaml"\n\n'
        f'module study:\n    snakefile: gitfile("{tree.folder}", path="workflow/Snakefile", tag="v1")\n'
        "    config: config\n\nuse rule * from study\n"
    )
    environment = ENVIRONMENT | {"PYTHONPATH": str(ROOT)}  # in place of an installation
    command = [sys.executable, "-m", "snakemake", "--list-rules"]
    done = subprocess.run(command, cwd=place, env=environment, text=True, capture_output=True)
    assert done.returncode == 0, done.stderr[-5000:]
    assert {"train_model", "evaluate_training", "plot_figure", "write_report"} <= set(done.stdout.split())

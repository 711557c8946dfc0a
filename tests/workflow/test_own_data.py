"""A user's own data: what changes in their files is made again, what stays the same is not."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from tests.helpers.one_process import make_study
from tests.workflow.conftest import Tree, copy_tree, planned_jobs

PLUGIN = '''
"""Own pictures: arrays in two files, and a third that the first reading leaves there."""

import numpy as np

import hydra_steps.plugins as hs


@hs.dataset("own", classes=["dark", "light"], shape=[1, 4, 4], parts={"train": 90}, reads=["**/*.npy"])
def own(folder):
    """Dark and light squares."""
    images, labels = np.load(folder / "pictures" / "images.npy"), np.load(folder / "labels.npy")
    if not (folder / "order.npy").exists():
        np.save(folder / "order.npy", np.argsort(images.mean((1, 2, 3))))
    return {"train": hs.Part(images, labels)}
'''
STUDY = """
study: own
plugins: [own.py]
seeds: [0]
data: {name: own, train: 40, validation: 20, test: 20}
noise: {kind: symmetric, rate: 0.2}
model: {name: logistic}
training: {epochs: 2, batch_size: 8}
queries: [{kind: mean_loss, split: test}, {kind: mean_loss, split: validation}]
methods: {hydra_hessian_free: {}}
counterfactual: {groups: 4, fraction: 0.1}
figures: {formats: [svg]}
"""
FILE = "config/own.yaml"
# Enough of the study to see all of its steps that compute.
TABLES = [f"results/own/tables/{name}.csv" for name in ("counterfactual", "noise")]
COMPUTED = {"fetch_data", "split_data", "noise_labels", "train_model", "score_samples", "retrain_without"}


def with_own_data(folder: Path) -> Tree:
    """A tree with the study, its plug-in and its data."""
    tree = copy_tree(folder)
    tree.results = folder / "results" / "own"
    (folder / "config" / "own.py").write_text(PLUGIN)
    (folder / FILE).write_text(STUDY)
    draw = np.random.default_rng(0)
    labels = np.arange(90) % 2
    images = draw.integers(0, 120, (90, 1, 4, 4)) + 100 * labels[:, None, None, None]
    home = folder / "data" / "own"
    (home / "pictures").mkdir(parents=True)
    np.save(home / "pictures" / "images.npy", images.astype(np.uint8))
    np.save(home / "labels.npy", labels)
    return tree


def edit_in_place(file: Path, change: int = 77) -> None:
    """Change bytes of the last picture and set the file's dates back."""
    before = file.stat()
    with file.open("r+b") as stream:
        stream.seek(-16 * 90, os.SEEK_END)
        there = np.frombuffer(stream.read(), np.uint8)
        stream.seek(-16 * 90, os.SEEK_END)
        stream.write((there ^ change).tobytes())
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    after = file.stat()
    assert (after.st_size, after.st_mtime_ns) == (before.st_size, before.st_mtime_ns)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    """The finished study; a test that changes its data leaves it finished."""
    tree = with_own_data(tmp_path_factory.mktemp("own") / "tree")
    tree.run(*TABLES, "--cores", "2", study=FILE)
    return tree


def test_what_only_looks_changed_is_not_read_again(finished: Tree) -> None:
    home = finished.folder / "data" / "own"
    assert (home / "order.npy").exists(), "the first reading left a file"
    for file in home.rglob("*"):
        os.utime(file)
    (home / "labels.npy").chmod(0o600)
    (home / "notes.txt").write_text("not read")
    (home / ".hidden.npy").write_text("hidden")
    copied = (home / "labels.npy").read_bytes()
    (home / "labels.npy").unlink()
    (home / "labels.npy").write_bytes(copied)
    assert finished.planned(*TABLES, study=FILE) == {}


def test_bytes_changed_in_place_are_read_again(
    finished: Tree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = finished.contents("tables")
    images = finished.folder / "data" / "own" / "pictures" / "images.npy"
    edit_in_place(images)
    said = finished.run(*TABLES, "--dry-run", study=FILE)
    assert "Changed since own was read from data/own: pictures/images.npy changed." in said
    assert set(planned_jobs(said)) >= COMPUTED | {"evaluate_counterfactual", "evaluate_noise"}
    # A run that ends early must not hide the change from the next one, though the splits come out the same.
    splits = (finished.results / "runs" / "base-seed0" / "splits.csv").read_bytes()
    finished.run(*TABLES, "--cores", "2", "--until", "split_data", study=FILE)
    assert (finished.results / "runs" / "base-seed0" / "splits.csv").read_bytes() == splits
    left = finished.planned(*TABLES, study=FILE)
    assert set(left) >= COMPUTED - {"fetch_data", "split_data"}
    assert {"fetch_data", "split_data"}.isdisjoint(left)
    finished.run(*TABLES, "--cores", "2", study=FILE)
    assert finished.planned(*TABLES, study=FILE) == {}
    fresh = with_own_data(tmp_path / "fresh")
    edit_in_place(fresh.folder / "data" / "own" / "pictures" / "images.npy")
    monkeypatch.chdir(fresh.folder)
    make_study(Path(FILE))
    after, anew = finished.contents("tables"), fresh.contents("tables")
    assert {name: anew[name] for name in after} == after
    assert before["tables/counterfactual.csv"] != after["tables/counterfactual.csv"]


def test_files_that_come_and_go_are_named(finished: Tree) -> None:
    home = finished.folder / "data" / "own"
    np.save(home / "pictures" / "more.npy", np.zeros(3))
    assert "own was read from data/own: pictures/more.npy added." in finished.run(*TABLES, "-n", study=FILE)
    order = (home / "order.npy").read_bytes()
    (home / "order.npy").unlink()
    assert "order.npy removed, pictures/more.npy added." in finished.run(*TABLES, "-n", study=FILE)
    (home / "pictures" / "more.npy").unlink()
    (home / "order.npy").write_bytes(order)
    assert finished.planned(*TABLES, study=FILE) == {}

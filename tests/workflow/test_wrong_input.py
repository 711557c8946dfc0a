"""Wrong input ends when the Snakefile is read: one message, no traceback, an exit code not 0, no file written."""

from __future__ import annotations

import pytest

from hydra_steps.errors import StudyError
from hydra_steps.locks import hold
from tests.workflow.conftest import Tree

WRONG = {
    "unknown key": ("trainning: {epochs: 2}", ("trainning", "did you mean 'training'")),
    "wrong type": ("training: {epochs: many}", ("training.epochs", '"many"', "a whole number")),
    "rate": ("noise: {rate: 1.5}", ("noise.rate", "1.5", "at most 1")),
    "samples": ("data: {train: 5000}", ("data.train", "5000", "1797", "lower")),
    "method": ("methods: {hydra_exat: {}}", ("methods.hydra_exat", "did you mean 'hydra_exact'")),
    "model": ("model: {name: lenet5_tan}", ("model.name", "lenet5_tan", "did you mean 'lenet5_tanh'")),
    "dataset": ("data: {name: mnst}", ("data.name", "mnst", "did you mean 'mnist'")),
    "results": (
        "results: taken",
        ('results: "taken"', "cannot be written", "not a folder", "set results to another folder"),
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_one_message(tree: Tree, name: str) -> None:
    text, words = WRONG[name]
    (tree.folder / "taken").write_text("")
    (tree.folder / "config/wrong.yaml").write_text(f"study: test\n{text}\n")
    said = tree.run("--cores", "1", study="config/wrong.yaml", fails=True)
    assert "Traceback" not in said
    message = [line for line in said.splitlines() if words[0] in line]
    assert len(message) == 1, said
    assert all(word in message[0] for word in words), said
    assert not (tree.folder / "results").exists()


UNREADABLE = {
    "no UTF-8": (b"study: caf\xe9\n", "is not UTF-8: byte 0xe9 in line 1"),
    "nested without end": (b"seeds: " + b"[" * 2000 + b"]" * 2000, "is nested without end"),
    "no YAML": (b"study: [", "line 1"),
    "a key twice": (b"study: a\nstudy: b\n", "the key 'study' stands twice"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_snakemake_itself_cannot_read(tree: Tree, name: str) -> None:
    text, words = UNREADABLE[name]
    (tree.folder / "config/wrong.yaml").write_bytes(text)
    said = tree.run("--dry-run", study="config/wrong.yaml", fails=True)
    assert "Traceback" not in said
    assert len([line for line in said.splitlines() if words in line]) == 1, said


def test_a_value_on_the_command_line_is_checked_too(tree: Tree) -> None:
    said = tree.run("--dry-run", "--config", "noise={rate: 2}", fails=True)
    assert "noise.rate: 2.0 is out of bounds" in said


def test_two_runs_of_one_study_at_once_are_refused(finished: Tree) -> None:
    finished.edit("config/test.yaml", lambda text: text + "figures: {font_size: 9}\n")
    hold(finished.results)
    said = finished.run("--cores", "1", fails=True)
    assert "is being written by another run" in said
    assert "Traceback" not in said


def test_a_job_that_fails_says_one_message(tree: Tree) -> None:
    """A raw file that is wrong is found by the job, not by the parser."""
    folder = tree.folder / "data" / "mnist"
    folder.mkdir(parents=True)
    (folder / "train-images-idx3-ubyte").write_bytes(b"not MNIST")
    (tree.folder / "config/broken.yaml").write_text("study: test\ndata: {name: mnist}\n")
    (folder / "manifest.json").write_text("{}")
    said = tree.run(
        "results/test/runs/base-seed0/splits.csv", "--cores", "1", study="config/broken.yaml", fails=True
    )
    assert "Traceback" not in said
    messages = [line for line in said.splitlines() if line.startswith("error: ")]
    assert len(messages) == 1
    assert "SHA-256" in messages[0]


UNEVEN = '''
import numpy as np

import hydra_steps.plugins as hs


@hs.dataset("uneven", classes=["many", "few"], shape=[1, 2, 2], parts={"train": 100})
def uneven(folder):
    """One sample in fifty is of the second class."""
    return {"train": hs.Part(np.zeros((100, 1, 2, 2), np.uint8), (np.arange(100) % 50 == 0).astype(int))}
'''


def test_a_class_that_a_split_lacks_is_refused_before_any_training(tree: Tree) -> None:
    (tree.folder / "config/uneven.py").write_text(UNEVEN)
    queries = "{kind: class_loss, split: validation}, {kind: mean_loss, split: test}"
    data = "{name: uneven, train: 40, validation: 20, test: 20}"
    study = f"study: uneven\nplugins: [uneven.py]\nseeds: [0]\ndata: {data}\nqueries: [{queries}]\n"
    (tree.folder / "config/uneven.yaml").write_text(study + "methods: {random: {}}\n")
    said = tree.run("--cores", "1", study="config/uneven.yaml", fails=True)
    assert "Traceback" not in said
    messages = [line for line in said.splitlines() if line.startswith("error: ")]
    assert len(messages) == 1
    assert "of class 1 it has no sample (samples by class: many 20, few 0)" in messages[0]
    assert "raise data.validation, or drop the queries" in messages[0]
    assert not list((tree.folder / "results").rglob("trajectory"))


def test_a_hold_is_refused_to_a_second(tmp_path) -> None:
    hold(tmp_path)
    with pytest.raises(StudyError, match="another run"):
        hold(tmp_path)

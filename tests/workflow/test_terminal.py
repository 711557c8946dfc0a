"""What a person sees of a run: a line a step, a bar, and where something failed one message and its log."""

from __future__ import annotations

import os
import pty
import re
import subprocess
from contextlib import suppress

from tests.workflow.conftest import ENVIRONMENT, Tree

TABLE = "results/test/tables/noise.csv"


def seen(tree: Tree, *arguments: str, study: str = "config/test.yaml") -> tuple[int, str]:
    """Run Snakemake on a terminal of its own; return its exit code and all that it wrote there."""
    ours, theirs = pty.openpty()
    command = tree.command("--logger=steps", *arguments, "--cores", "2", study=study)
    run = subprocess.Popen(command, cwd=tree.folder, env=ENVIRONMENT, stdout=theirs, stderr=theirs)
    os.close(theirs)
    said = b""
    with suppress(OSError):  # the end of a terminal whose last writer is gone
        while piece := os.read(ours, 1 << 16):
            said += piece
    os.close(ours)
    return run.wait(), said.decode().replace("\r\n", "\n")


def left(said: str) -> list[str]:
    """The lines that stay on the screen, where each drawing of the bar is wiped."""
    return [re.split(r"\r\x1b\[K", line)[-1] for line in said.rstrip("\n").split("\n")]


def test_a_line_a_step_and_a_bar(tree: Tree) -> None:
    code, said = seen(tree, TABLE)
    assert code == 0
    assert re.search(r"\[#+\.+\] \d of 6 jobs, \d:\d\d, about \d+:\d\d left", said)
    lines = [line for line in left(said) if "profile" not in line]
    assert lines[0] == "jobs: 6, in steps: fetch_data, split_data, noise_labels, tables"
    assert [line.split()[1:] for line in lines[1:]] == [
        ["fetch_data"],
        ["split_data", "(2", "jobs)"],
        ["noise_labels", "(2", "jobs)"],
        ["tables"],
    ]
    full = "".join(path.read_text() for path in (tree.folder / ".snakemake/log").iterdir())
    assert "Draw the splits of base-seed0" in full
    assert left(seen(tree, TABLE)[1])[-1].startswith("nothing to be done")


def test_what_failed_is_the_last_word_with_its_log(tree: Tree) -> None:
    folder = tree.folder / "data" / "mnist"
    folder.mkdir(parents=True)
    (folder / "train-images-idx3-ubyte").write_bytes(b"not MNIST")
    (folder / "manifest.json").write_text("{}")
    (tree.folder / "config/broken.yaml").write_text("study: test\ndata: {name: mnist}\n")
    code, said = seen(tree, "results/test/runs/base-seed0/splits.csv", study="config/broken.yaml")
    assert code != 0
    message, log = left(said)[-2:]
    assert message.startswith("error: data/mnist/train-images-idx3-ubyte has SHA-256")
    assert log == "log: results/test/logs/split_data/base-seed0.log"
    assert said.count("has SHA-256") == 1
    assert "Traceback" not in said


def test_a_mistake_in_a_study_is_one_message(tree: Tree) -> None:
    (tree.folder / "config/wrong.yaml").write_text("trainning: {epochs: 2}\n")
    code, said = seen(tree, study="config/wrong.yaml")
    assert code != 0
    assert left(said)[-1].startswith("error: trainning: unknown key")

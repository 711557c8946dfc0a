"""Every command in a block of the pages is run, by a test or in the nightly list, or says why it is not."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest
import yaml

from hydra_steps.config.resolve import load_study
from tests.pages.blocks import ROOT, commands

HOW = yaml.safe_load(Path(__file__).with_name("commands.yaml").read_text(encoding="utf-8"))
SHOWN = list(commands())
OF_MAKE = [command for command in SHOWN if command.startswith("make ")]
OF_SNAKEMAKE = [command for command in SHOWN if command.startswith("snakemake ")]


def called(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """What a command gives in the user's folder, with the environment activated."""
    path = f"{folder / '.venv/bin'}:{os.environ['PATH']}"
    environment = os.environ | {"PATH": path, "HOME": str(folder), "OMP_NUM_THREADS": "1"}
    environment.pop("PYTHONPATH", None)  # the checkout is this folder's
    return subprocess.run(["sh", "-c", command], cwd=folder, env=environment, text=True, capture_output=True)


def test_every_command_is_listed_once() -> None:
    listed = [command for how in HOW.values() for command in how]
    assert sorted(listed) == sorted(set(SHOWN))
    assert list(HOW) == ["run", "test", "nightly", "by hand"]


def test_named_tests_exist() -> None:
    assert not [place for place in HOW["test"].values() if not (ROOT / place).is_file()]


@pytest.mark.parametrize("command", OF_MAKE)
def test_targets_and_studies_of_make_are_there(command: str, folder: Path) -> None:
    done = called(command.replace("make ", "make --dry-run --no-print-directory ", 1), folder)
    assert done.returncode == 0, done.stderr
    assert done.stdout
    studies_of(command, folder)


@pytest.mark.parametrize("command", OF_SNAKEMAKE)
def test_targets_and_studies_of_snakemake_are_there(command: str, folder: Path) -> None:
    words = shlex.split(command)
    studies_of(command, folder)
    rules = "\n".join(path.read_text(encoding="utf-8") for path in (folder / "workflow").rglob("*Snakefile*"))
    rules += "\n".join(path.read_text(encoding="utf-8") for path in (folder / "workflow/rules").iterdir())
    if not words[1].startswith(("-", "results/")):
        assert re.search(rf"^rule {words[1]}:", rules, re.M)


def studies_of(command: str, folder: Path) -> None:
    """Load the study that a command names: it is there, and nothing in it is refused."""
    for name in re.findall(r"(?:CONFIG=|--configfile )(\S+)", command):
        assert (folder / name).is_file()
        if name.startswith("config/"):  # those of the pages themselves: test_yaml.py
            load_study(str(ROOT / name))


@pytest.mark.parametrize("command", HOW["run"])
def test_commands_that_take_seconds(command: str, folder: Path) -> None:
    done = called(command, folder)
    assert done.returncode == 0, done.stderr
    # The page says that the check names the way in which the model is differentiated.
    assert re.search(r"^# .*layer rules|^# .*forward mode|^# .*twice backward", done.stdout, re.M)


@pytest.mark.nightly
def test_commands_that_take_long(folder: Path) -> None:
    for command in HOW["nightly"]:
        done = called(command, folder)
        print(f"{done.returncode} {command}", flush=True)
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        assert "Traceback" not in done.stdout + done.stderr

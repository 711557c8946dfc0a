"""Every module that can be run says how, and refuses what it does not know by a line and not by a traceback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hydra_steps.job_environment import ENVIRONMENT

ROOT = Path(__file__).parents[2]
MARK = 'if __name__ == "__main__"'
OPTIONS = {"--help": 0, "--no-such-option": 2}  # option → exit code
# All in one process, which imports torch once: [module, option] → exit code and what was said.
PROGRAM = """
import contextlib, io, json, runpy, sys, warnings
warnings.simplefilter("ignore")  # a package was imported before its module is run
found = []
for module, option in json.load(sys.stdin):
    out, err, code = io.StringIO(), io.StringIO(), None
    sys.argv = [module, option]
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            runpy.run_module(module, run_name="__main__", alter_sys=True)
        except SystemExit as ended:
            code = ended.code
        except BaseException as error:
            code = repr(error)
    found.append([module, option, code, out.getvalue(), err.getvalue()])
json.dump(found, sys.stdout)
"""


def runnable() -> list[str]:
    """The modules that can be run, by dotted name; of a package, the package."""
    files = [file for folder in ("hydra_steps", "tools") for file in sorted((ROOT / folder).rglob("*.py"))]
    return [
        ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__main__")
        for file in files
        if MARK in file.read_text(encoding="utf-8") or file.name == "__main__.py"
    ]


@pytest.fixture(scope="module")
def said() -> dict[str, dict[str, tuple[object, str, str]]]:
    """Module → option → exit code, standard output and standard error."""
    asked = json.dumps([[module, option] for module in runnable() for option in OPTIONS])
    # With a job's environment, so that none of them starts the program again.
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        input=asked,
        text=True,
        stdout=subprocess.PIPE,
        cwd=ROOT,
        env=ENVIRONMENT | dict(os.environ),
        check=True,
    )
    found: dict[str, dict[str, tuple[object, str, str]]] = {}
    for module, option, *answer in json.loads(done.stdout):
        found.setdefault(module, {})[option] = tuple(answer)
    return found


def test_there_are_such_modules() -> None:
    assert {"hydra_steps.config", "hydra_steps.estimate", "tools.scale"} <= set(runnable())


@pytest.mark.parametrize("module", runnable())
def test_help_and_an_unknown_option(said, module: str) -> None:
    for option, expected in OPTIONS.items():
        code, out, err = said[module][option]
        assert code == expected, (option, err)
        assert f"usage: python -m {module}" in out + err

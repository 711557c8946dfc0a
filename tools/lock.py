"""Exact versions of everything that a study, the tests and a release use, of what those use in turn, too.

``python -m tools.lock`` writes ``requirements.lock`` from ``pyproject.toml``: one line for each package, for the
Pythons and systems below, the same for CPU and CUDA builds of PyTorch. It is given to pip as constraints (``pip install
--constraint requirements.lock -e .``), so that it decides versions and adds nothing. Versions that stand in the file
already are kept where they still fit. ``environment.yml`` and the versions in it are written from the same.

``--newest`` looks for newer versions of everything, and writes those that ``pyproject.toml`` names into it. PyTorch
stays as it is: another version of it gives other numbers, and is a decision.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
PYTHONS = ("3.11", "3.12", "3.13")
SYSTEMS = (("linux", "Linux", "x86_64"), ("linux", "Linux", "aarch64"), ("darwin", "Darwin", "arm64"))
KEPT = ("torch", "torchvision")
# PyTorch's CUDA build asks for them itself, by exact versions; its CPU build does not have them.
OF_CUDA = re.compile(r"(nvidia|cuda)-|triton\b")
PIN = re.compile(r'"([A-Za-z0-9_.-]+)(\[[a-z]+\])?==([^"]+)"')
LOCK_HEAD = """\
# Exact versions of everything, for Python 3.11 to 3.13 on Linux and macOS, CPU and CUDA builds alike: constraints for
# pip, which takes from here what is asked for. Written by: python -m tools.lock
"""
ENVIRONMENT_HEAD = """\
# conda env create -f environment.yml; the versions of requirements.lock. Written by: python -m tools.lock
name: hydra-steps
channels:
  - conda-forge
  - nodefaults
dependencies:
  - python=3.11
  - pip
  - make
  - git
  - pip:
"""


def environments() -> Iterator[dict[str, str]]:
    """Yield what markers are asked about: every Python on every system."""
    for python in PYTHONS:
        for system, platform, machine in SYSTEMS:
            yield {
                "python_version": python,
                "python_full_version": f"{python}.9",
                "sys_platform": system,
                "platform_system": platform,
                "platform_machine": machine,
                "os_name": "posix",
                "implementation_name": "cpython",
                "platform_python_implementation": "CPython",
            }


def lock_lines(compiled: str) -> list[str]:
    """Return the lines of what a resolver wrote that hold anywhere here; without a marker where they always do."""
    kept = []
    for line in compiled.splitlines():
        if not line or line.startswith((" ", "#")):
            continue
        marker = Requirement(line).marker
        holds = [marker is None or marker.evaluate(one) for one in environments()]
        if all(holds):
            kept.append(line.partition(";")[0].strip())
        elif any(holds):
            kept.append(line)
    return kept


def environment_yml(lines: list[str]) -> str:
    """Return the text of ``environment.yml``: what Python 3.11 takes, without what a CUDA build brings itself."""
    chosen = []
    for line in lines:
        marker = Requirement(line).marker
        of_python = [one for one in environments() if one["python_version"] == "3.11"]
        if not OF_CUDA.match(line) and (marker is None or any(map(marker.evaluate, of_python))):
            chosen.append(line if marker and "platform" in str(marker) else line.partition(";")[0].strip())
    return ENVIRONMENT_HEAD + "".join(
        f'      - "{line}"\n' if ";" in line else f"      - {line}\n" for line in chosen
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.lock", description=__doc__)
    parser.add_argument(
        "--newest", action="store_true", help="look for newer versions, of what pyproject.toml names, too"
    )
    newest = parser.parse_args().newest
    project, lock = ROOT / "pyproject.toml", ROOT / "requirements.lock"
    if newest:
        text = project.read_text(encoding="utf-8")
        found = _versions(_compiled(PIN.sub(_unpinned, text), ""))
        project.write_text(PIN.sub(lambda pin: _pinned(pin, found), text), encoding="utf-8")
    before = "" if newest or not lock.is_file() else lock.read_text(encoding="utf-8")
    lines = lock_lines(_compiled(project.read_text(encoding="utf-8"), before))
    lock.write_text(LOCK_HEAD + "".join(f"{line}\n" for line in lines), encoding="utf-8")
    (ROOT / "environment.yml").write_text(environment_yml(lines), encoding="utf-8")


def _compiled(project: str, before: str) -> str:
    """Return what uv resolves a project's text to; versions in ``before`` are kept where they fit."""
    with tempfile.TemporaryDirectory() as folder:
        source, output = Path(folder, "pyproject.toml"), Path(folder, "requirements.lock")
        source.write_text(project, encoding="utf-8")
        output.write_text(before, encoding="utf-8")
        command = [sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--universal", "--all-extras"]
        command += ["--python-version", PYTHONS[0], "--no-header", "--no-annotate", "--output-file", output]
        done = subprocess.run(
            [*command, source], text=True, capture_output=True, env=os.environ | {"NO_COLOR": "1"}
        )
        if done.returncode != 0:
            sys.exit(f"error: {done.stderr.strip()}")
        return output.read_text(encoding="utf-8")


def _unpinned(pin: re.Match[str]) -> str:
    return pin[0] if pin[1] in KEPT else f'"{pin[1]}{pin[2] or ""}"'


def _pinned(pin: re.Match[str], found: dict[str, str]) -> str:
    return f'"{pin[1]}{pin[2] or ""}=={found[pin[1].lower().replace("_", "-")]}"'


def _versions(compiled: str) -> dict[str, str]:
    """Return the version of each package that the oldest Python takes."""
    first = next(environments())
    asked = [Requirement(line) for line in lock_lines(compiled)]
    return {
        one.name: str(one.specifier)[2:] for one in asked if one.marker is None or one.marker.evaluate(first)
    }


if __name__ == "__main__":
    main()

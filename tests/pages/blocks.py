"""The code blocks of the README and of the pages in ``docs/``, and a user's folder with the files they speak of."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

from tests.workflow.conftest import copy_tree

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
SHIM = '#!/bin/sh\nexec "{python}" {start}"$@"\n'


def blocks(page: Path, language: str) -> list[str]:
    """The blocks of a page in a language; ``""`` for those without one."""
    text = page.read_text(encoding="utf-8")
    found = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [body for name, body in found if name == language]


def commands() -> dict[str, list[str]]:
    """Every command in a block of a shell, without its comment → the pages that show it."""
    found: dict[str, list[str]] = {}
    for page in PAGES:
        for body in (*blocks(page, "sh"), *blocks(page, "bash")):
            for line in body.splitlines():
                if command := re.sub(r"\s+#.*", "", " ".join(line.split())):
                    found.setdefault(command, []).append(page.name)
    return found


def studies() -> dict[str, str]:
    """The studies on the pages, by name."""
    texts = [text for page in PAGES for text in blocks(page, "yaml")]
    loaded = [(yaml.safe_load(text), text) for text in texts]
    return {found["study"]: text for found, text in loaded if isinstance(found, dict) and "study" in found}


def users_files(folder: Path) -> None:
    """Write what the pages speak of into ``folder``: data, a network, weights, and each study as ``<name>.yaml``."""
    # In a process of its own: it imports all of numpy, pandas and sklearn, and what these put into sys.path.
    subprocess.run([sys.executable, ROOT / "examples/own_data/make_data.py"], cwd=folder, check=True)
    (folder / "clinic").mkdir()
    shutil.copy(folder / "data/own/cancer.csv", folder / "clinic/patients.csv")
    (folder / "pretrained.pt").write_bytes(b"some weights")
    network = next(text for text in blocks(ROOT / "docs/tutorial_model.md", "python") if "class Net" in text)
    (folder / "nets.py").write_text(network, encoding="utf-8")
    for name, text in studies().items():
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")


def checkout(folder: Path) -> Path:
    """A folder as after the clone and the set-up, with this environment as its ``.venv`` and the user's files."""
    copy_tree(folder)
    shutil.copytree(ROOT / "examples", folder / "examples")
    for name in ("Makefile", "requirements.lock"):
        shutil.copy(ROOT / name, folder)
    users_files(folder)
    (folder / ".venv/bin").mkdir(parents=True)
    for name, start in (("python", ""), ("snakemake", "-m snakemake ")):
        shim = folder / ".venv/bin" / name
        shim.write_text(SHIM.format(python=sys.executable, start=start), encoding="utf-8")
        shim.chmod(0o755)
    for mark in (".installed", ".installed-test"):
        (folder / ".venv" / mark).touch()
    return folder

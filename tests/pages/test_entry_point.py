"""A package that declares its modules as the page shows is known to every study."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

from tests.pages.blocks import ROOT, blocks

KNOWN = "from hydra_steps.registry import names; print('input_size' in names('method'))"


def test_an_installed_package_needs_no_line_in_a_study(tmp_path: Path) -> None:
    (shown,) = blocks(ROOT / "docs" / "plugins.md", "toml")
    points = tomllib.loads(shown)["project"]["entry-points"]["hydra_steps"]
    ((name, module),) = points.items()
    package, _, file = module.rpartition(".")
    (tmp_path / package).mkdir()
    (tmp_path / package / "__init__.py").touch()
    shutil.copy(ROOT / "config" / "example_plugin.py", tmp_path / package / f"{file}.py")

    def known() -> str:
        path = os.pathsep.join([str(tmp_path), str(ROOT)])
        environment = os.environ | {"PYTHONPATH": path}
        done = subprocess.run([sys.executable, "-c", KNOWN], env=environment, text=True, capture_output=True)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    assert known() == "False"
    about = tmp_path / "my_package-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: my_package\nVersion: 1.0\n", encoding="utf-8"
    )
    (about / "entry_points.txt").write_text(f"[hydra_steps]\n{name} = {module}\n", encoding="utf-8")
    assert known() == "True"

"""The files that decide a step's numbers are found by following imports."""

from __future__ import annotations

from pathlib import Path

import pytest

from hydra_steps.errors import StudyError
from hydra_steps.registry.code import code_files


@pytest.fixture
def package(tmp_path: Path) -> Path:
    files = {
        "__init__.py": "",
        "errors.py": "",
        "rooms/__init__.py": "from hydra_steps.rooms.one import f\nfrom hydra_steps.rooms.two import g\n",
        "rooms/one.py": "import math\nfrom hydra_steps.errors import E\nfrom hydra_steps.rooms import two\n",
        "rooms/two.py": "def g():\n    from hydra_steps.tools import t\n",
        "tools.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import hydra_steps.rooms.one\n",
        "direct.py": "from hydra_steps.rooms import g\n",
        "circle.py": "import hydra_steps.circle\nimport hydra_steps.tools\n",
    }
    for name, text in files.items():
        path = tmp_path / "hydra_steps" / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text(text)
    return tmp_path


@pytest.mark.parametrize(
    ("module", "files"),
    [
        ("tools", ["tools.py"]),
        ("rooms.two", ["rooms/two.py", "tools.py"]),
        ("rooms.one", ["rooms/one.py", "rooms/two.py", "tools.py"]),
        ("direct", ["direct.py", "rooms/two.py", "tools.py"]),
        ("circle", ["circle.py", "tools.py"]),
    ],
)
def test_imports_are_followed_to_where_a_name_is_defined(
    package: Path, module: str, files: list[str]
) -> None:
    assert code_files(f"hydra_steps.{module}", root=package) == [f"hydra_steps/{f}" for f in files]


def test_an_unknown_module_is_refused(package: Path) -> None:
    with pytest.raises(StudyError, match=r"hydra_steps\.none"):
        code_files("hydra_steps.none", root=package)


def test_every_file_of_a_real_step_exists() -> None:
    files = code_files("hydra_steps.data.splits")
    root = Path(__file__).parents[2]
    assert "hydra_steps/data/splits.py" in files
    assert all((root / f).is_file() for f in files)

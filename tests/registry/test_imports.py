"""What a file imports is read from its text once, and a cache that is wrong or lost changes nothing but the time."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from hydra_steps.registry.imports import Imports, content_digest, imports_of

SOURCE = """
import os, json as j
from math import sin, cos as c
from . import beside
if TYPE_CHECKING:
    import unseen
def f():
    try:
        from late import one
    except ImportError:
        import other
"""
FOUND = Imports(
    ["os", "json", "other"],
    [["math", "sin", "sin"], ["math", "cos", "c"], ["late", "one", "one"]],
    [["math", "sin", "sin"], ["math", "cos", "c"]],
)
SHOW = (
    "import sys, pathlib; from hydra_steps.registry.imports import imports_of; "
    "print(list(imports_of(pathlib.Path(sys.argv[1]))))"
)


def test_imports_are_found_wherever_they_stand(tmp_path: Path) -> None:
    file = tmp_path / "source.py"
    file.write_text(SOURCE)
    assert imports_of(file) == FOUND
    file.write_text("import edited\n")
    assert imports_of(file).modules == ["edited"]


@pytest.mark.parametrize(
    "damage", [None, "", "[]", '{"a": 1}', '{"KEY": [1]}', '{"KEY": "no"}', "{", "a folder"]
)
def test_another_process_reads_the_cache_or_does_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: str | None
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    file = tmp_path / "source.py"
    file.write_text(SOURCE)
    key = content_digest(file)
    assert _shown(file) == list(FOUND)
    (kept,) = (tmp_path / "cache" / "hydra-steps" / "imports").iterdir()
    assert json.loads(kept.read_text())[key] == list(FOUND)
    if damage is None:  # what is shown comes from the cache
        kept.write_text(json.dumps({key: [["from the cache"], [], []]}))
        assert _shown(file) == [["from the cache"], [], []]
    elif damage == "a folder":
        kept.unlink()
        kept.mkdir()
        assert _shown(file) == list(FOUND)
    else:
        kept.write_text(damage.replace("KEY", key))
        assert _shown(file) == list(FOUND)


def _shown(file: Path) -> list[list[object]]:
    done = subprocess.run([sys.executable, "-c", SHOW, file], capture_output=True, text=True, check=True)
    assert not done.stderr
    return list(eval(done.stdout))

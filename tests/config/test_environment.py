"""One set of versions: what is installed, what is locked, and what is asked for."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import distributions
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

from tools.lock import OF_CUDA, environment_yml, environments, lock_lines

ROOT = Path(__file__).parents[2]
LINES = lock_lines((ROOT / "requirements.lock").read_text(encoding="utf-8"))


def plain(name: str) -> str:
    """A package's name in the one form that all lists have."""
    return re.sub(r"[-_.]+", "-", name).lower()


def locked(environment: dict[str, str]) -> dict[str, str]:
    """The version of each package for one Python on one system."""
    found: dict[str, str] = {}
    for one in map(Requirement, LINES):
        if one.marker is None or one.marker.evaluate(environment):
            assert found.setdefault(plain(one.name), str(one.specifier)[2:]) == str(one.specifier)[2:], one
    return found


def asked() -> list[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return [*project["dependencies"], *sum(project["optional-dependencies"].values(), [])]


def test_what_is_installed_is_what_is_locked() -> None:
    known = locked(next(environments()))
    installed = {plain(one.name): one.version.partition("+")[0] for one in distributions()}
    assert len(known.keys() & installed.keys()) > 100
    differs = {name: (installed[name], known[name]) for name in known.keys() & installed.keys()}
    assert {name: pair for name, pair in differs.items() if pair[0] != pair[1]} == {}


def test_all_that_installed_packages_need_is_locked() -> None:
    known, environment = locked(next(environments())), next(environments())
    installed = {plain(one.name): one for one in distributions()}
    for name in known.keys() & installed.keys():
        for need in map(Requirement, installed[name].requires or []):
            if need.marker is None or need.marker.evaluate(environment | {"extra": ""}):
                assert plain(need.name) in known, f"{name} needs {need}"


@pytest.mark.parametrize(
    "environment", list(environments()), ids=lambda e: f"{e['python_version']}-{e['sys_platform']}"
)
def test_what_is_asked_for_is_locked_in_its_version(environment: dict[str, str]) -> None:
    known = locked(environment)
    for one in map(Requirement, asked()):
        assert known[plain(one.name)] == str(one.specifier)[2:]


def test_every_version_that_is_asked_for_is_fixed() -> None:
    pinned = r"[A-Za-z0-9_.-]+(\[[a-z]+\])?==[0-9][\w.]*"
    assert [a for a in asked() if not re.fullmatch(pinned, a)] == []


def test_the_lock_names_no_host_and_no_folder() -> None:
    assert [line for line in LINES if not re.fullmatch(r"[a-z0-9.-]+==[\w.]+( ; [^/]+)?", line)] == []


def test_the_lock_has_the_cuda_build_and_condas_file_neither() -> None:
    assert any(line.startswith("nvidia-cudnn") for line in LINES)
    text = (ROOT / "environment.yml").read_text(encoding="utf-8")
    assert text == environment_yml(LINES)
    (packages,) = [one["pip"] for one in yaml.safe_load(text)["dependencies"] if isinstance(one, dict)]
    assert not [one for one in packages if OF_CUDA.match(one)]
    assert "torch==2.13.0" in packages


def test_a_line_that_holds_everywhere_has_no_marker_and_one_that_holds_nowhere_is_left_out() -> None:
    compiled = ["a==1 ; sys_platform != 'win32'", "b==2 ; sys_platform == 'win32'", "# c", "    # via d", ""]
    compiled += ["e==1 ; python_full_version < '3.12'", "e==2 ; python_full_version >= '3.12'"]
    assert lock_lines("\n".join(compiled)) == ["a==1", *compiled[-2:]]

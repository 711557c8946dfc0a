"""The house: imports point downwards only, of packages and of files, and the upper floors know no torch."""

from __future__ import annotations

import ast
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "hydra_steps"
# From the ground up; a package imports from those before it.
GROUND = (
    *("errors", "refusals", "locks", "machine", "job_environment", "interrupted", "job_start"),
    *("progress", "user_cache", "json_files", "csv_files", "contents"),
    *("provenance", "registry", "queries", "config", "terminal", "stores", "jobs", "cluster", "tables"),
)
FLOORS = (
    *GROUND,
    *("data", "models", "tasks", "tangents", "process", "trajectory", "scoring", "counterfactual"),
    *(
        "evaluation",
        "figures",
        "benchmark",
        "audit",
        "report",
        "explorer",
        "plan",
        "estimate",
        "plugins",
        "notebook",
        "crate",
        "__main__",
    ),
)
NO_TORCH = (*GROUND, "evaluation", "figures", "audit", "report", "explorer", "plan")


def modules() -> dict[str, Path]:
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


@cache
def imports(module: str) -> frozenset[str]:
    """Every module of this package that a module imports, anywhere in it, type checks included."""
    found = set()
    for node in ast.walk(ast.parse(MODULES[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                found.add(inner if inner in MODULES else node.module)
    return frozenset(name for name in found if name in MODULES and name != module)


def room(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def test_every_room_has_a_floor() -> None:
    assert {room(module) for module in MODULES} - {""} == set(FLOORS)


@pytest.mark.parametrize("module", sorted(MODULES))
def test_imports_point_downwards(module: str) -> None:
    own = room(module)
    if not own or module.endswith(".__main__"):  # a command stands above the house
        return
    up = [name for name in imports(module) if room(name) and FLOORS.index(room(name)) > FLOORS.index(own)]
    assert not up


def test_no_files_import_each_other_in_a_circle() -> None:
    try:
        TopologicalSorter({module: imports(module) for module in MODULES}).prepare()
    except CycleError as error:
        pytest.fail(" → ".join(error.args[1]))


@pytest.mark.parametrize("name", NO_TORCH)
def test_these_rooms_do_not_import_torch(name: str) -> None:
    """Neither themselves nor through what they import when they are imported."""

    def eager(module: str) -> set[str]:
        found = set()
        for node in ast.parse(MODULES[module].read_text(encoding="utf-8")).body:
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        return found

    for module in MODULES:
        if room(module) != name:
            continue
        seen, waiting = set(), [module]
        while waiting:
            one = waiting.pop()
            if one in seen:
                continue
            seen.add(one)
            used = eager(one)
            assert not any(u.split(".")[0] == "torch" for u in used), f"{module} imports torch through {one}"
            waiting += [u for u in used if u in MODULES]

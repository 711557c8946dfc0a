"""Models without a declaration: any class or function that returns a module, by the file or module that holds it.

A study names it ``nets.py:Net``, a file beside the study, or ``package.module:Net``. Its parameters are the options of
the model, but for ``shape`` and ``outputs``, which a model that has them is given; those without a default must stand
in the study. Among a study's plug-ins it stands as ``nets.py#Net``. The file is read and not run, as a plug-in's is.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hydra_steps.errors import StudyError, nearest
from hydra_steps.registry.docstrings import read_docstring
from hydra_steps.registry.entry import Entry
from hydra_steps.registry.reading import Definition, parameters_of, parse

MARK = "#"  # between file and name among plug-ins, whose list is separated by ":"
GIVEN = ("shape", "outputs")  # what a model may be given


def name_models(raw: Any, plugins: list[str]) -> tuple[Any, list[str]]:
    """Return what a user wrote and its ``plugins``, each model of a file or module named in short, and among these.

    >>> name_models({"model": {"name": "own/nets.py:Net"}}, [])
    ({'model': {'name': 'nets.py:Net'}}, ['own/nets.py#Net'])
    """
    if not isinstance(raw, Mapping):
        return raw, plugins
    plugins, named = list(plugins), dict(raw)

    def section(model: Any) -> Any:
        name = model.get("name") if isinstance(model, Mapping) else None
        place, colon, target = name.rpartition(":") if isinstance(name, str) else ("", "", "")
        if not colon:
            return model
        short = f"{Path(place).name}:{target}" if place.endswith(".py") else name
        if not any(short == short_name(plugin) for plugin in plugins):
            plugins.append(f"{place}{MARK}{target}")
        return {**model, "name": short}

    if "model" in named:
        named["model"] = section(named["model"])
    if isinstance(named.get("variants"), Mapping):
        named["variants"] = {
            variant: {**override, "model": section(override["model"])}
            if isinstance(override, Mapping) and "model" in override
            else override
            for variant, override in named["variants"].items()
        }
    return named, plugins


def short_name(plugin: str) -> str:
    """Return the name in a study of a model among its plug-ins; an empty text for a plug-in of declarations.

    >>> short_name("/home/me/nets.py#Net")
    'nets.py:Net'
    """
    place, mark, target = plugin.partition(MARK)
    return f"{Path(place).name if place.endswith('.py') else place}:{target}" if mark else ""


def read_undeclared(file: Path, module: str, name: str, plugin: bool = True) -> Entry:
    """Return the entry of the class or function called ``name`` in ``file``, whose dotted name is ``module``."""
    tree, names = parse(file)
    place = file.name if module.startswith("hydra_plugin_") else module
    there = {node.name: node for node in tree.body if isinstance(node, Definition)}
    if name not in there:
        raise StudyError(
            f"model.name: {place} defines no {name}",
            "a class or a function of that file",
            nearest(name, list(there)),
        )
    node = there[name]
    words = read_docstring(ast.get_docstring(node))
    required, _, options = parameters_of(
        "model", _initialised(node, there), names, words.options, f"{file}:{node.lineno}", lenient=True
    )
    needed = {one: {"description": words.options.get(one, "")} for one in required if one not in GIVEN}
    return Entry(
        kind="model",
        name=f"{place}:{name}",
        title=name,
        summary=words.summary,
        text=words.text,
        options=needed | {key: schema for key, schema in options.items() if key not in GIVEN},
        given=tuple(one for one in (*required, *options) if one in GIVEN),
        optional=(),
        traits={"article": "", "undeclared": True},
        module=module,
        function=name,
        file=file,
        line=node.lineno,
        plugin=plugin,
    )


def _initialised(node: Definition, there: Mapping[str, Definition]) -> Definition:
    r"""The class of the file whose ``__init__`` makes one of ``node``: itself, or the nearest that it inherits from.

    >>> tree = ast.parse("class Net:\n def __init__(self, width=8): ...\nclass Wide(Net): ...")
    >>> _initialised(tree.body[1], {node.name: node for node in tree.body}).name
    'Net'
    """
    seen: list[str] = []
    while isinstance(node, ast.ClassDef) and node.name not in seen:
        seen.append(node.name)
        if any(isinstance(part, ast.FunctionDef) and part.name == "__init__" for part in node.body):
            break
        bases = [there[base.id] for base in node.bases if isinstance(base, ast.Name) and base.id in there]
        node = bases[0] if bases else node
    return node

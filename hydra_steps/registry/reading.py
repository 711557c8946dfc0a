"""Reading declarations from a source file without running it.

Of every function or class that one of the decorators stands over, the decorator's literal arguments, the signature
and the docstring become an :class:`Entry`. What is wrong in a declaration is one message that names file and line.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_origin

from hydra_steps.errors import StudyError, nearest
from hydra_steps.registry.decorators import KINDS, RUNTIME
from hydra_steps.registry.docstrings import read_docstring
from hydra_steps.registry.entry import Entry, Schema
from hydra_steps.registry.types import NAMES, schema_of

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
# Of what these kinds take only what the docstring lists under ``Options:`` is an option of a study.
_LISTED = ("table", "figure", "sentence")
_NO_OPTION = "by_epoch"  # whether contributions are kept by epoch is asked for by the workflow


def read_entries(file: Path, module: str, plugin: bool = False) -> list[Entry]:
    """Return the entries that ``file`` declares, in their order; ``module`` is its dotted name."""
    tree, names = parse(file)
    found = []
    for node in tree.body:
        if isinstance(node, Definition):
            for kind, call in _declarations(node):
                found.append(_entry(kind, call, node, names, file, module, plugin))
    return found


def parse(file: Path) -> tuple[ast.Module, dict[str, Any]]:
    """Return the tree of a Python file, and the names that its annotations may use."""
    try:
        tree = ast.parse(file.read_text(encoding="utf-8"), str(file))
    except SyntaxError as error:
        raise StudyError(f"{file}:{error.lineno}: {error.msg}", "Python", "mend the line") from error
    except (OSError, UnicodeDecodeError) as error:
        raise StudyError(f"{file} cannot be read: {error}", "a Python file in UTF-8") from error
    return tree, NAMES | _aliases(tree)


def _declarations(node: Definition) -> Iterator[tuple[str, ast.Call]]:
    for decorator in node.decorator_list:
        if isinstance(decorator, ast.Call):
            target = decorator.func
            name = target.id if isinstance(target, ast.Name) else getattr(target, "attr", "")
            if name in KINDS:
                yield name, decorator


def _entry(
    kind: str, call: ast.Call, node: Definition, names: dict[str, Any], file: Path, module: str, plugin: bool
) -> Entry:
    where = f"{file}:{call.lineno}"
    traits = _traits(kind, call, where)
    name = traits.pop("name")
    if not isinstance(name, str) or not name.isidentifier():
        raise StudyError(
            f"{where}: {kind} is named {name!r}", "letters, digits and _, a letter first", "rename it"
        )
    words = read_docstring(ast.get_docstring(node))
    given, optional, options = parameters_of(kind, node, names, words.options, where)
    title = str(traits.pop("title", "") or name.replace("_", " "))
    return Entry(
        kind,
        name,
        title,
        words.summary,
        words.text,
        options,
        given,
        optional,
        traits,
        module,
        node.name,
        file,
        node.lineno,
        plugin,
    )


def _traits(kind: str, call: ast.Call, where: str) -> dict[str, Any]:
    """Return the decorator's arguments, its defaults filled in; of ``RUNTIME`` only whether they are given."""
    signature = inspect.signature(KINDS[kind])
    arguments: list[Any] = [_literal(one, where) for one in call.args]
    keywords: dict[str, Any] = {}
    for keyword in call.keywords:
        if keyword.arg is None or keyword.arg not in signature.parameters:
            known = list(signature.parameters)
            raise StudyError(
                f"{where}: @{kind} has no argument {keyword.arg!r}", "", nearest(str(keyword.arg), known)
            )
        if keyword.arg not in RUNTIME.get(kind, ()):
            keywords[keyword.arg] = _literal(keyword.value, where)
    try:
        bound = signature.bind(*arguments, **keywords)
    except TypeError as error:
        raise StudyError(
            f"{where}: @{kind}: {error}", f"@{kind}{signature}", "mend the decorator's arguments"
        ) from error
    bound.apply_defaults()
    given = {keyword.arg for keyword in call.keywords}
    return bound.arguments | {key: key in given for key in RUNTIME.get(kind, ())}


def _literal(node: ast.expr, where: str) -> Any:
    try:
        return ast.literal_eval(node)
    except ValueError:
        raise StudyError(
            f"{where}: {ast.unparse(node)} is no literal",
            "numbers, texts, lists and mappings written out: declarations are read without running the file",
            "write the value itself",
        ) from None


def parameters_of(
    kind: str,
    node: Definition,
    names: dict[str, Any],
    sentences: dict[str, str],
    where: str,
    lenient: bool = False,
) -> tuple[tuple[str, ...], tuple[str, ...], dict[str, Schema]]:
    """Return the parameters that the caller gives, those that it may give, and the schema of the options.

    ``lenient``: of what was written for no study. A type that no configuration holds allows anything, and a default
    that is no literal makes no option.
    """
    given: list[str] = []
    optional: list[str] = []
    options: dict[str, Schema] = {}
    for argument, default in _arguments(node):
        if default is None:
            given.append(argument.arg)
            continue
        if argument.arg == _NO_OPTION or (kind in _LISTED and argument.arg not in sentences):
            optional.append(argument.arg)
            continue
        try:
            value = _as_yaml(_literal(default, where))
        except StudyError:
            if lenient:
                continue
            raise
        try:
            schema = _option(argument, value, names, where)
        except StudyError:
            if not lenient:
                raise
            schema = {}
        options[argument.arg] = schema | {"default": value, "description": sentences.get(argument.arg, "")}
    return tuple(given), tuple(optional), options


def _as_yaml(value: Any) -> Any:
    """Return a default as a configuration holds it: tuples, safer as defaults of functions, are lists there."""
    return [_as_yaml(one) for one in value] if isinstance(value, tuple | list) else value


def _arguments(node: Definition) -> Iterator[tuple[ast.arg, ast.expr | None]]:
    if isinstance(node, ast.ClassDef):
        init = next((n for n in node.body if isinstance(n, ast.FunctionDef) and n.name == "__init__"), None)
        if init is not None:
            yield from ((a, d) for a, d in _arguments(init) if a.arg != "self")
            return
        for field in node.body:  # a dataclass
            if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
                yield ast.arg(field.target.id, field.annotation), field.value
        return
    positional = [*node.args.posonlyargs, *node.args.args]
    defaults: list[ast.expr | None] = [None] * (len(positional) - len(node.args.defaults))
    yield from zip(positional, [*defaults, *node.args.defaults], strict=True)
    yield from zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)


def _option(argument: ast.arg, default: Any, names: dict[str, Any], where: str) -> Schema:
    if argument.annotation is None:
        try:
            return schema_of(type(default))
        except TypeError:
            return {}
    text = ast.unparse(argument.annotation)
    try:
        return schema_of(_type(argument.annotation, names))
    except (TypeError, ValueError, NameError) as error:
        raise StudyError(
            f"{where}: the type of {argument.arg} is {text}: {error}",
            "int, float, bool, str, list[...], Literal[...], or Annotated[...] of one of them",
            "change the annotation",
        ) from None


def _type(node: ast.expr, names: dict[str, Any]) -> Any:
    """Return the type that an annotation names; only the names of :mod:`.types` and of the file's aliases are
    known."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return _type(ast.parse(node.value, mode="eval").body, names)
    unknown = [n.id for n in ast.walk(node) if isinstance(n, ast.Name) and n.id not in names]
    if unknown:
        raise NameError(f"{unknown[0]} is not known where declarations are read")
    return eval(compile(ast.Expression(node), "<annotation>", "eval"), {"__builtins__": {}}, names)


def _aliases(tree: ast.Module) -> dict[str, Any]:
    """Return the names that the module gives to types, ``Damping = Annotated[float, "x > 0"]``, and constants."""
    found: dict[str, Any] = {}
    for node in tree.body:
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            known = NAMES | found
            try:
                value = _type(node.value, known)
            except Exception:  # no alias of a type
                continue
            if get_origin(value) is not None or isinstance(value, type):
                found[node.targets[0].id] = value
    return found

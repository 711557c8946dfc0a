"""Small expressions in declarations, evaluated safely: ``4 * runs``, ``not nesterov or momentum > 0``,
``study.claims``.

Arithmetic, comparisons, ``and``/``or``/``not``, conditional expressions, attributes and items of what is given, and a
few functions. Nothing else can be written, so a declaration cannot run code where a workflow is planned.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

_BINARY: dict[type[ast.AST], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv, ast.Mod: operator.mod, ast.Pow: operator.pow,
}  # fmt: skip
_COMPARED: dict[type[ast.AST], Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt,
    ast.GtE: operator.ge, ast.Is: operator.is_, ast.IsNot: operator.is_not,
    ast.In: lambda a, b: a in b, ast.NotIn: lambda a, b: a not in b,
}  # fmt: skip
_UNARY: dict[type[ast.AST], Callable[[Any], Any]] = {
    ast.USub: operator.neg, ast.UAdd: operator.pos, ast.Not: operator.not_,
}  # fmt: skip
FUNCTIONS: dict[str, Callable[..., Any]] = {
    "len": len, "max": max, "min": min, "round": round, "sorted": sorted, "sum": sum, "set": set, "list": list,
    "any": any, "all": all, "ceil": math.ceil, "log2": math.log2, "sqrt": math.sqrt,
}  # fmt: skip


def evaluate(expression: str, names: Mapping[str, Any]) -> Any:
    """Return the value of ``expression`` with ``names``; ValueError for what cannot be written here or is not
    known.

    >>> evaluate("count > 1 and not off", {"count": 2, "off": False})
    True
    """
    try:
        return _value(ast.parse(expression, mode="eval").body, names)
    except SyntaxError as error:
        raise ValueError(f"{expression!r} is no expression: {error.msg}") from error


def _value(node: ast.expr, names: Mapping[str, Any]) -> Any:
    match node:
        case ast.Constant(value=value):
            return value
        case ast.Name(id=name):
            if name in names:
                return names[name]
            raise ValueError(f"{name!r} is not known (known: {', '.join(sorted(names))})")
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
            return _BINARY[type(op)](_value(left, names), _value(right, names))
        case ast.UnaryOp(op=op, operand=operand) if type(op) in _UNARY:
            return _UNARY[type(op)](_value(operand, names))
        case ast.BoolOp(op=op, values=values):
            return _either(isinstance(op, ast.Or), values, names)
        case ast.Compare(left=left, ops=ops, comparators=comparators):
            return _compared(left, ops, comparators, names)
        case ast.IfExp(test=test, body=body, orelse=otherwise):
            return _value(body if _value(test, names) else otherwise, names)
        case ast.Attribute(value=of, attr=attribute) if not attribute.startswith("_"):
            owner = _value(of, names)
            return owner[attribute] if isinstance(owner, Mapping) else getattr(owner, attribute)
        case ast.Subscript(value=of, slice=key):
            return _value(of, names)[_value(key, names)]
        case ast.List(elts=parts) | ast.Tuple(elts=parts):
            return [_value(part, names) for part in parts]
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if name in FUNCTIONS:
            return FUNCTIONS[name](*(_value(one, names) for one in arguments))
        case _:
            raise ValueError(f"{ast.unparse(node)!r} cannot be written in an expression of a declaration")


def _either(one_is_enough: bool, values: Sequence[ast.expr], names: Mapping[str, Any]) -> Any:
    """``or`` and ``and``: the first value that decides, else the last."""
    found: Any = None
    for part in values:
        found = _value(part, names)
        if bool(found) == one_is_enough:
            break
    return found


def _compared(
    left: ast.expr, ops: Sequence[ast.cmpop], comparators: Sequence[ast.expr], names: Mapping[str, Any]
) -> bool:
    """A chain of comparisons, ``0 < x <= 1``."""
    first = _value(left, names)
    for op, part in zip(ops, comparators, strict=True):
        second = _value(part, names)
        if not _COMPARED[type(op)](first, second):
            return False
        first = second
    return True

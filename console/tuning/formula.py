"""Formulas of presets: arithmetic over named numbers, sizes with units, a few functions. Nothing else is allowed."""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

from console.records import dataclass
from console.tuning.units import MEMORY

LONGEST, DEEPEST = 500, 50
_SIZE = re.compile(r"(?<![\w.])(\d+(?:\.\d+)?)\s*(kB|MB|GB|TB)\b")
_OPERATORS: Mapping[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
_FUNCTIONS: Mapping[str, Callable[..., float]] = {
    "min": min,
    "max": max,
    "round": round,
    "floor": math.floor,
    "ceil": math.ceil,
}

Lookup = Callable[[str], float]  # name → number


@dataclass(frozen=True, slots=True)
class Formula:
    """A checked expression."""

    text: str
    _tree: ast.expr

    @property
    def names(self) -> frozenset[str]:
        """The names it uses."""
        return frozenset(node.id for node in ast.walk(self._tree) if isinstance(node, ast.Name)) - set(_FUNCTIONS)

    def value(self, lookup: Lookup) -> float:
        """The result. Raises ValueError if there is none, and whatever `lookup` raises."""
        try:
            found = float(_evaluate(self._tree, lookup))
        except (ZeroDivisionError, OverflowError):
            found = math.nan
        if not math.isfinite(found):
            raise ValueError("has no numeric result")
        return found


def parse(text: str) -> Formula:
    """The formula in `text`. Raises ValueError that says what is not allowed."""
    if len(text) > LONGEST:
        raise ValueError(f"is longer than {LONGEST} characters")
    plain = _SIZE.sub(lambda match: f"({match[1]}*{MEMORY[match[2]]})", text)
    try:
        tree = ast.parse(plain.strip(), mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        raise ValueError("is not an arithmetic expression") from None
    _check(tree)
    return Formula(text, tree)


def _check(node: ast.expr, depth: int = 0) -> None:
    if depth > DEEPEST:
        raise ValueError(f"must not nest more than {DEEPEST} operations")
    match node:
        case ast.Constant(value=int() | float()) if not isinstance(node.value, bool):
            return
        case ast.Name():
            return
        case ast.BinOp(left=left, op=sign, right=right) if type(sign) in _OPERATORS:
            parts = [left, right]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            parts = [operand]
        case ast.Compare(left=left, ops=[sign], comparators=[right]) if type(sign) in _OPERATORS:
            parts = [left, right]
        case ast.IfExp(test=ast.Compare() as test, body=body, orelse=orelse):
            parts = [test, body, orelse]
        case ast.Call(func=ast.Name(id=name), args=[_, *_] as args, keywords=[]) if name in _FUNCTIONS:
            parts = args
        case _:
            allowed = f"numbers, names, + - * / // %, comparisons, if, {', '.join(_FUNCTIONS)}"
            raise ValueError(f"must not contain {type(node).__name__}; only {allowed}")
    for part in parts:
        _check(part, depth + 1)


def _evaluate(node: ast.expr, lookup: Lookup) -> Any:
    match node:
        case ast.Constant(value=value):
            return value
        case ast.Name(id=name):
            return lookup(name)
        case ast.UnaryOp(operand=operand):
            return -_evaluate(operand, lookup)
        case ast.IfExp(test=test, body=body, orelse=orelse):
            return _evaluate(body if _evaluate(test, lookup) else orelse, lookup)
        case ast.BinOp(left=left, op=sign, right=right) | ast.Compare(left=left, ops=[sign], comparators=[right]):
            return _OPERATORS[type(sign)](_evaluate(left, lookup), _evaluate(right, lookup))
        case ast.Call(func=ast.Name(id=name), args=args):
            try:
                return _FUNCTIONS[name](*(_evaluate(argument, lookup) for argument in args))
            except TypeError:
                raise ValueError(f"calls {name} with invalid arguments") from None
    raise ValueError("is not an arithmetic expression")

"""Scripts of pgbench, as far as load tests use them: https://www.postgresql.org/docs/current/pgbench.html

Known are statements, `\\set` to a number, a variable, a difference, random() or random_zipfian(), `\\if` with one
comparison, `\\endif` and `\\gset`.
"""

from __future__ import annotations

import random
import re
from bisect import bisect_left
from collections.abc import Callable, MutableMapping
from functools import cache
from itertools import accumulate

from console.records import dataclass

Variables = MutableMapping[str, str]
Value = Callable[[Variables], float]
_NAME = re.compile(r"(?<!:):([A-Za-z_]\w*)")
_SET = re.compile(r"\\set\s+(\w+)\s+(.+)")
_IF = re.compile(r"\\if\s+(\S+)\s*=\s*(\S+)")
_CALL = re.compile(r"(random|random_zipfian)\(([^()]*)\)")
_SUM = re.compile(r"(\S+)\s+([-+])\s+(\S+)")


@dataclass(frozen=True, slots=True)
class Assign:
    """`\\set`: gives a variable a value."""

    name: str
    value: Value


@dataclass(frozen=True, slots=True)
class Skip:
    """`\\if`: goes on at `target` unless both values are equal."""

    left: Value
    right: Value
    target: int


@dataclass(frozen=True, slots=True)
class ScriptStatement:
    """A statement; with `keeps` its row becomes variables."""

    pieces: tuple[str, ...]  # text and names of variables, in turns
    keeps: bool

    def text(self, variables: Variables) -> bytes:
        """What is sent."""
        pieces = self.pieces
        return "".join(
            variables.get(piece, f":{piece}") if at % 2 else piece for at, piece in enumerate(pieces)
        ).encode()


Command = Assign | Skip | ScriptStatement


def compile_script(text: str) -> tuple[Command, ...]:
    """The commands of a script. Raises ValueError for what is not known."""
    commands: list[Command] = []
    open_ifs: list[tuple[int, Value, Value]] = []
    lines: list[str] = []
    for line in text.splitlines():
        if not line.lstrip().startswith("\\"):
            lines.append(line)
            if line.rstrip().endswith((";", "\\gset")):
                commands.append(_statement(lines))
        elif found := _SET.fullmatch(line.strip()):
            commands.append(Assign(found[1], _value(found[2].strip())))
        elif found := _IF.fullmatch(line.strip()):
            open_ifs.append((len(commands), _value(found[1]), _value(found[2])))
            commands.append(Assign("", _value("0")))  # its place
        elif line.strip() == "\\endif" and open_ifs:
            place, left, right = open_ifs.pop()
            commands[place] = Skip(left, right, len(commands))
        else:
            raise ValueError(f"not known in a script: {line.strip()}")
    if open_ifs or any(not line.startswith("--") for line in lines if line.strip()):
        raise ValueError("a script ends within a statement or an \\if")
    return tuple(commands)


def _statement(lines: list[str]) -> ScriptStatement:
    """The statement in `lines`, which are taken."""
    text = "\n".join(line for line in lines if not line.startswith("--")).strip()
    lines.clear()
    keeps = text.endswith("\\gset")
    return ScriptStatement(tuple(_NAME.split(text.removesuffix("\\gset").strip().removesuffix(";"))), keeps)


def _value(text: str) -> Value:
    if found := _CALL.fullmatch(text):
        arguments = [_value(each.strip()) for each in found[2].split(",")]
        if found[1] == "random" and len(arguments) == 2:
            low, high = arguments
            return lambda names: random.randint(int(low(names)), int(high(names)))  # noqa: S311
        if found[1] == "random_zipfian" and len(arguments) == 3:
            first, last, power = arguments
            return lambda names: zipfian(int(first(names)), int(last(names)), power(names))
    if found := _SUM.fullmatch(text):
        left, right, sign = _value(found[1]), _value(found[3]), -1 if found[2] == "-" else 1
        return lambda names: left(names) + sign * right(names)
    if text.startswith(":") and text[1:].isidentifier():
        name = text[1:]
        return lambda names: float(names[name])
    number = float(text)  # a ValueError names it
    return lambda _: number


def zipfian(first: int, last: int, power: float) -> int:
    """A random number whose probability is proportional to 1/k^power, where k counts from `first`."""
    weights = _weights(last - first + 1, power)
    return first + bisect_left(weights, random.random() * weights[-1])  # noqa: S311


@cache
def _weights(number: int, power: float) -> tuple[float, ...]:
    return tuple(accumulate(1 / k**power for k in range(1, number + 1)))


def shown(value: float) -> str:
    """A value as the text of a variable."""
    return str(int(value)) if value == int(value) else str(value)

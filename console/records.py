"""Dataclasses that cost little to declare: `dataclass(frozen=…, slots=…)` as in the standard library.

The standard one compiles six methods for every class, about half a millisecond, whether they are ever called or not;
the console declares some hundred classes before its first rows. Here `__init__` is compiled when the first instance is
made, and all classes share the other methods. `replace` costs half of what the standard one does, which looks at every
field again each time. `field` and the like are those of the standard library.
"""

from __future__ import annotations

from dataclasses import MISSING, Field, FrozenInstanceError, fields
from functools import cache
from operator import attrgetter
from reprlib import recursive_repr
from typing import TYPE_CHECKING, Any

__all__ = ["dataclass", "replace"]

if TYPE_CHECKING:
    from dataclasses import dataclass, replace
else:
    from dataclasses import dataclass as _standard

    def dataclass(*, frozen: bool = False, slots: bool = False):
        """A decorator like the standard one with these arguments; keyword-only fields and InitVar are not supported."""

        def declared(cls: type) -> type:
            cls.__doc__ = cls.__doc__ or cls.__name__  # else it parses the signature of a class that has none yet
            made = _standard(init=False, repr=False, eq=False, slots=slots)(cls)
            made.__init__ = _first_init(made, frozen)
            shared = {"__eq__": _equal(made), "__hash__": _hash(made) if frozen else None, "__repr__": _shown}
            for name, method in shared.items():
                if name not in cls.__dict__:
                    setattr(made, name, method)
            if frozen:
                made.__setattr__, made.__delattr__ = _refuse_assignment, _refuse_deletion
            if frozen and slots:
                made.__getstate__, made.__setstate__ = _state, _set_state
            return made

        return declared

    def replace(record: Any, /, **changes: Any) -> Any:
        """As that of the standard library, for classes all of whose fields are arguments."""
        values, places = _values(record.__class__)
        filled = list(values(record))
        for name, value in changes.items():
            filled[places[name]] = value
        return record.__class__(*filled)


def _first_init(cls: type, frozen: bool) -> Any:
    def __init__(self: Any, /, *args: Any, **kwargs: Any) -> None:  # noqa: N807
        if vars(cls)["__init__"] is __init__:
            setattr(cls, "__init__", _compiled_init(cls, frozen))  # noqa: B010  mypy takes an assignment for a mistake
        vars(cls)["__init__"](self, *args, **kwargs)

    return __init__


def _compiled_init(cls: type, frozen: bool) -> Any:
    known: dict[str, Any] = {"MISSING": MISSING, "set_": object.__setattr__}
    parameters, body = ["self"], ["pass"]
    for each in fields(cls):
        if each.init:
            parameters.append(_parameter(each, known))
        value = _value(each, known)
        if value:
            body.append(f"set_(self, {each.name!r}, {value})" if frozen else f"self.{each.name} = {value}")
    if hasattr(cls, "__post_init__"):
        body.append("self.__post_init__()")
    lines = "".join(f"\n    {line}" for line in body)
    exec(f"def __init__({', '.join(parameters)}):{lines}", known)  # noqa: S102  names of fields, as the standard one does
    made = known["__init__"]
    made.__qualname__ = f"{cls.__qualname__}.__init__"
    return made


def _parameter(each: Field[Any], known: dict[str, Any]) -> str:
    if each.default is not MISSING:
        known[f"default_{each.name}"] = each.default
        return f"{each.name}=default_{each.name}"
    return each.name if each.default_factory is MISSING else f"{each.name}=MISSING"


def _value(each: Field[Any], known: dict[str, Any]) -> str:
    """The expression of what a new instance holds in a field; empty: nothing yet."""
    if each.default_factory is not MISSING:
        known[f"new_{each.name}"] = each.default_factory
        return f"new_{each.name}() if {each.name} is MISSING else {each.name}" if each.init else f"new_{each.name}()"
    if each.init or each.default is MISSING:
        return each.name if each.init else ""
    known[f"default_{each.name}"] = each.default
    return f"default_{each.name}"


@cache
def _values(cls: type) -> tuple[Any, dict[str, int]]:
    """What returns the values of all fields, which are two at least, and the place of each."""
    names = [each.name for each in fields(cls)]
    return attrgetter(*names), {name: at for at, name in enumerate(names)}


def _compared(cls: type, hashed: bool = False) -> Any:
    names = [each.name for each in fields(cls) if (each.compare if not hashed or each.hash is None else each.hash)]
    return attrgetter(*names) if names else lambda _: ()


def _equal(cls: type) -> Any:
    values = _compared(cls)

    def __eq__(self: Any, other: object) -> Any:  # noqa: N807
        return values(self) == values(other) if other.__class__ is self.__class__ else NotImplemented

    return __eq__


def _hash(cls: type) -> Any:
    values = _compared(cls, hashed=True)

    def __hash__(self: Any) -> int:  # noqa: N807
        return hash(values(self))

    return __hash__


@recursive_repr()
def _shown(self: Any) -> str:
    values = ", ".join(f"{each.name}={getattr(self, each.name)!r}" for each in fields(self) if each.repr)
    return f"{self.__class__.__qualname__}({values})"


def _refuse_assignment(self: Any, name: str, value: object) -> None:  # noqa: ARG001
    raise FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_deletion(self: Any, name: str) -> None:  # noqa: ARG001
    raise FrozenInstanceError(f"cannot delete field {name!r}")


def _state(self: Any) -> list[Any]:
    return [getattr(self, each.name) for each in fields(self)]


def _set_state(self: Any, state: list[Any]) -> None:
    for each, value in zip(fields(self), state, strict=True):
        object.__setattr__(self, each.name, value)

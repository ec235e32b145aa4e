"""Modules and patterns that are loaded or compiled when they are used: most of what a start makes no command needs."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType
from typing import Any, cast


class Later(ModuleType):
    """Stands for a module until something of it is used, which loads it."""

    def __getattr__(self, name: str) -> Any:
        """What the module has."""
        if name.startswith("__"):  # the import system asks
            raise AttributeError(name)
        for other, module in tuple(sys.modules.items()):
            if isinstance(module, Later):
                del sys.modules[other]
        found = import_module(self.__name__)
        return getattr(found, name) if hasattr(found, name) else import_module(f"{self.__name__}.{name}")


@contextmanager
def instead(modules: Mapping[str, ModuleType | None]) -> Iterator[None]:
    """The block with these in place of modules that are not loaded yet; None: such a module cannot be imported."""
    absent: dict[str, Any] = {name: module for name, module in modules.items() if name not in sys.modules}
    sys.modules.update(absent)
    try:
        yield
    finally:
        for name, module in absent.items():
            if sys.modules.get(name, name) is module:
                del sys.modules[name]


class LatePattern:
    """Stands for a regular expression until it is used, which compiles it."""

    def __init__(self, text: str, flags: int) -> None:
        self._given = text, flags

    def __getattr__(self, name: str) -> Any:
        """What the pattern has; a method is asked for once."""
        if name.startswith("__"):
            raise AttributeError(name)
        found = getattr(re.compile(*self._given), name)
        setattr(self, name, found)
        return found


def late(text: str, flags: int = 0) -> re.Pattern[str]:
    """`re.compile`, when the pattern is first used."""
    return cast("re.Pattern[str]", LatePattern(text, flags))


# inspect and linecache, which dataclasses loads, read source code with it, of which nothing here asks for any.
with instead({"tokenize": Later("tokenize")}):
    import dataclasses  # noqa: F401

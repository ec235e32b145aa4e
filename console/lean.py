"""asyncio without OpenSSL, which it loads for streams that only Redis over TLS has here: `allow_tls` gives it back.

The driver brings libpq with an OpenSSL of its own. Imported before anything imports asyncio.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module, reload
from types import ModuleType
from typing import Any


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


def allow_tls() -> None:
    """Let streams of asyncio use TLS."""
    import ssl  # noqa: PLC0415  a second OpenSSL

    for module in map(import_module, ("asyncio.base_events", "asyncio.selector_events")):
        vars(module)["ssl"] = ssl
    protocol = import_module("asyncio.sslproto")
    if vars(protocol)["ssl"] is None:
        reload(protocol)


with instead({"ssl": None}):
    import asyncio  # noqa: F401

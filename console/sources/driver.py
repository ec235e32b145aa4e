"""Loads psycopg without what it loads and never uses here, a sixth of the time that this takes.

It looks its own version up in the metadata of its package, for which the parsers of mail are loaded; it loads ctypes to
look for a libpq, although its binary package brings one: without that package, ctypes is loaded when it is used; and
Python's OpenSSL, so that libpq finds one that is set up: since OpenSSL 1.1 it sets itself up.
"""

from __future__ import annotations

from types import ModuleType

from console.later import Later, instead

UNKNOWN = "0.0.0.0"  # noqa: S104  psycopg's own word for a version that it does not find


def _version(package: str) -> ModuleType:
    module = ModuleType(f"{package}.version")
    vars(module)["__version__"] = UNKNOWN
    return module


_VERSIONS = {f"{package}.version": _version(package) for package in ("psycopg", "psycopg_binary", "psycopg_c")}
_LIBRARIES = {name: Later(name) for name in ("ctypes", "ctypes.util")}

with instead({**_VERSIONS, **_LIBRARIES, "ssl": None}):
    import psycopg

__all__ = ["psycopg"]

"""plotext without its manual, the runner of its tests, and OpenSSL, which it loads whether they are used or not.

They are more than a third of what importing it takes of memory, and of the time until the first curve is drawn.
"""

from __future__ import annotations

from types import ModuleType

from console.digest import SHA256
from console.later import Later, instead

UNUSED = ("plotext._doc.doc", "plotext._tests.run")


class _Absent(ModuleType):
    """Stands for a module of which nothing is used: whatever is imported from it is None."""

    def __getattr__(self, name: str) -> None:
        """Nothing, but for what the import system asks of a module."""
        if name.startswith("__"):
            raise AttributeError(name)


_HASHES = Later("hashlib")  # of which plotext takes one to know drawings again
vars(_HASHES)["sha256"] = SHA256

with instead({"hashlib": _HASHES, **{name: _Absent(name) for name in UNUSED}}):
    import plotext

__all__ = ["plotext"]

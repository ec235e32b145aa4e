"""plotext without its manual and the runner of its tests, which its package loads whether they are used or not.

They are more than a third of what importing it takes of memory, and of the time until the first curve is drawn.
"""

from __future__ import annotations

import sys
from types import ModuleType

UNUSED = ("plotext._doc.doc", "plotext._tests.run")


class _Absent(ModuleType):
    """Stands for a module of which nothing is used: whatever is imported from it is None."""

    def __getattr__(self, name: str) -> None:
        """Nothing, but for what the import system asks of a module."""
        if name.startswith("__"):
            raise AttributeError(name)


absent = [name for name in UNUSED if name not in sys.modules]
sys.modules.update((name, _Absent(name)) for name in absent)
try:
    import plotext
finally:
    for name in absent:
        sys.modules.pop(name, None)

__all__ = ["plotext"]

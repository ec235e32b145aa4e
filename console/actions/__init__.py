"""The actions, as data: the changes a DBA can make."""

from __future__ import annotations

from typing import Protocol


class Action(Protocol):
    """A change a DBA can make, as the lists of the front ends name it."""

    @property
    def name(self) -> str: ...

    @property
    def title(self) -> str: ...

    @property
    def help(self) -> str: ...


ACTIONS: tuple[Action, ...] = ()

"""What a statement does to whole tables while it holds its locks, by the names in it, before any catalog is read."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from console.forecast.requests import Reach, TypedName
from console.model.forecast import TableWork
from console.records import dataclass

if TYPE_CHECKING:
    from console.forecast.storage import Stored

Test = Callable[["Stored", int], bool | None]  # of the table with that oid: whether it is done; None: it may be


def always(_: Stored, __: int) -> bool:
    """It is done to each of the tables."""
    return True


@dataclass(frozen=True, slots=True)
class TaskRequest:
    """A task, the tables that it goes through, and what the catalogs must say for that."""

    task: TableWork
    name: TypedName
    reach: Reach = Reach.TREE
    test: Test = always
    types: tuple[str, ...] = ()  # that the test asks for, as they are written
    functions: tuple[str, ...] = ()  # the same, without their schemas
    sparable: bool = False  # by a constraint or an index, such as an earlier step of a plan may add

"""How cached values are dropped, and blocks are loaded into shared buffers."""

from __future__ import annotations

from dataclasses import field
from typing import ClassVar

from console.records import dataclass


@dataclass(frozen=True, slots=True)
class CacheDrop:
    """Drops cached values of brands in Redis; the step's `sql` shows the commands."""

    rows: ClassVar[int] = 0
    queue: ClassVar[float | None] = 0.0

    uri: str = field(repr=False)  # of the Redis; may hold a password
    brands: tuple[str, ...]
    sweep: bool = False  # removes their keys, found by SCAN; False: they get the next generation


@dataclass(frozen=True, slots=True)
class Prewarm:
    """Loads blocks of a relation into shared buffers, slice by slice; the step's `sql` shows all of them in one call.

    It runs with the rights of the session: pg_prewarm reads blocks alone, and runs no code of the relation's owner.
    """

    rows: ClassVar[int] = 0
    queue: ClassVar[float | None] = 0.2  # it waits for no lock but ACCESS SHARE, as long as the session does

    function: str  # pg_prewarm, with its schema, quoted where SQL needs it
    oid: int
    name: str  # schema-qualified, quoted where SQL needs it
    first: int  # the numbers of its blocks, from 0
    last: int

    @property
    def blocks(self) -> int:
        """How many are loaded."""
        return self.last - self.first + 1

    def statement(self, relation: str, first: int, last: int) -> str:
        """The call for some of the blocks; its types leave no other function of that name to choose."""
        return (
            f"SELECT {self.function}({relation}::pg_catalog.regclass, 'buffer'::pg_catalog.text, "
            f"'main'::pg_catalog.text, {first}::pg_catalog.int8, {last}::pg_catalog.int8)"
        )

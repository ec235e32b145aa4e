"""Whether two definitions of an index mean the same on the columns of a table, as the server itself reads them."""

from __future__ import annotations

from console.actions.confinement import confined
from console.actions.foreign_code import foreign_code
from console.actions.indexes.index_definition import exact, expressions
from console.actions.relations import relation
from console.model import Database, Kind, Trouble


async def same_meaning(server: Database, table: str, wanted: str, found: str) -> bool:
    """Whether `found`, which the server shows for an index of `table`, is what `wanted` becomes on its columns.

    The server resolves types and casts of both in EXPLAIN (VERBOSE), which runs nothing: on integer columns
    `COALESCE(likes, (0)::bigint)` becomes `COALESCE((likes)::bigint, '0'::bigint)`. `table` is schema-qualified and
    quoted. False where the server cannot say. Raises Trouble(UNREACHABLE).
    """
    (shape, mine), (other, theirs) = expressions(wanted), expressions(found)
    if exact(shape) != exact(other) or len(mine) != len(theirs):
        return False
    if not mine:
        return True
    server = await confined(server, await relation(server, table))
    if await foreign_code(server, [table]):
        return False
    listed = ", ".join(f"({text})" for text in (*mine, *theirs))
    try:
        snapshot = await server.ask(
            f"the definition of an index of {table}",
            f"EXPLAIN (VERBOSE, COSTS OFF, FORMAT JSON) SELECT {listed} FROM ONLY {table}",  # noqa: S608  see `faults`
        )
    except Trouble as why:
        if why.kind is Kind.UNREACHABLE:
            raise
        return False
    document = snapshot.rows[0][0]
    assert isinstance(document, list)  # noqa: S101  for the type checker: that is what FORMAT JSON returns
    output = document[0]["Plan"]["Output"]
    return len(output) == 2 * len(mine) and output[: len(mine)] == output[len(mine) :]

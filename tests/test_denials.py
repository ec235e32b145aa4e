"""A role that may not read something: the server's log is not filled with its errors, and a GRANT is noticed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from console.demo.cluster import APPLICATION
from console.model import Kind, Source, Trouble
from tests.activity import console
from tests.servers import PostgresServer as Cluster
from tests.waiting import eventually

# Everybody may call the function, so the query does not ask for the privilege before.
QUERY = "slot_retention"
DENIED = "permission denied for function pg_get_replication_slots"
SLOTS = "EXECUTE ON FUNCTION pg_catalog.pg_get_replication_slots()"
# Who may read these has been granted that: the query asks for the privileges before.
FORESEEN = "settings_files"
GRANTS = (
    f"GRANT EXECUTE ON FUNCTION pg_catalog.pg_show_all_file_settings() TO {APPLICATION}",
    f"GRANT SELECT ON pg_catalog.pg_file_settings TO {APPLICATION}",
)


@pytest.fixture
def database(any_pg: Cluster) -> Iterator[str]:
    """A database of its own, with which its privileges go."""
    if any_pg.data is None:
        pytest.skip("the log is read as a file")
    name = any_pg.fresh_database()
    with any_pg.connect(name) as owner:
        owner.execute(f"REVOKE {SLOTS} FROM PUBLIC".encode())
    yield name
    any_pg.drop_database(name)


def errors(server: Cluster, text: str = DENIED) -> int:
    """How often the server's log has the error."""
    return Path(f"{server.data}.log").read_text(errors="replace").count(text)


async def refusal(source: Source, query: str = QUERY) -> Kind | None:
    """Why the query cannot be read; None: it was read."""
    try:
        await source.fetch(query)
    except Trouble as why:
        return why.kind
    return None


async def is_read(source: Source, query: str = QUERY) -> bool:
    return await refusal(source, query) is None


async def test_a_privilege_that_few_have_is_looked_at_before_the_server_has_to_refuse(
    any_pg: Cluster, database: str
) -> None:
    text = "permission denied for view pg_file_settings"
    before = errors(any_pg, text)
    async with console(any_pg, database, APPLICATION) as reading:
        assert [await refusal(reading, FORESEEN) for _ in range(5)] == [Kind.DENIED] * 5
        with any_pg.connect(database) as owner:
            owner.execute(GRANTS[0].encode())
            assert await refusal(reading, FORESEEN) is Kind.DENIED
            owner.execute(GRANTS[1].encode())
        await eventually(lambda: is_read(reading, FORESEEN))
        assert errors(any_pg, text) == before
        with any_pg.connect(database) as owner:
            owner.execute(f"REVOKE SELECT ON pg_catalog.pg_file_settings FROM {APPLICATION}".encode())
        assert await refusal(reading, FORESEEN) is Kind.DENIED
        assert errors(any_pg, text) == before + 1
        await reading.close()
        assert await refusal(reading, FORESEEN) is Kind.DENIED
        assert errors(any_pg, text) == before + 1


async def test_what_a_role_may_not_read_is_asked_once_until_a_privilege_is_granted(
    any_pg: Cluster, database: str
) -> None:
    before = errors(any_pg)
    async with console(any_pg, database, APPLICATION) as reading:
        assert [await refusal(reading) for _ in range(20)] == [Kind.DENIED] * 20
        assert errors(any_pg) == before + 1
        with any_pg.connect(database) as owner:
            owner.execute(f"GRANT {SLOTS} TO {APPLICATION}".encode())
        await eventually(lambda: is_read(reading))
        with any_pg.connect(database) as owner:
            owner.execute(f"REVOKE {SLOTS} FROM {APPLICATION}".encode())
        assert await refusal(reading) is Kind.DENIED
        assert errors(any_pg) == before + 2


async def test_a_new_connection_asks_again(any_pg: Cluster, database: str) -> None:
    before = errors(any_pg)
    async with console(any_pg, database, APPLICATION) as reading:
        assert await refusal(reading) is Kind.DENIED
        await reading.close()
        assert await refusal(reading) is Kind.DENIED
    assert errors(any_pg) == before + 2


async def test_what_somebody_asks_for_once_is_never_answered_from_memory(any_pg: Cluster, database: str) -> None:
    before = errors(any_pg)
    async with console(any_pg, database, APPLICATION) as reading:
        for _ in range(3):
            with pytest.raises(Trouble):
                await reading.ask("a question", "SELECT * FROM pg_catalog.pg_get_replication_slots()")
    assert errors(any_pg) == before + 3

"""Two addresses of one PgBouncer are one PgBouncer; two processes behind one port are two."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager

import pytest

from console.demo.account import give, server_account
from console.demo.ports import HOST, free_port, wait_until
from console.demo.supervisor import Launch
from console.sources.pgbouncer.admin import PgBouncerServer
from console.sources.pgbouncer.identity import PEERS
from console.sources.pgbouncer.several import PgBouncers
from tests.conftest import POOLERS
from tests.servers import Servers
from tests.waiting import PATIENCE

INI = """
[databases]
shop = host=127.0.0.1 port=1
{peers}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir = {folder}
logfile = {folder}/log
auth_type = any
so_reuseport = {shared}
"""
Start = Callable[[int], Sequence[str]]


@pytest.fixture
def start(request: pytest.FixtureRequest, pg_servers: Servers) -> Iterator[Start]:
    """Starts so many processes that share a port. Returns the addresses: of the port, and of each socket."""
    found = request.config.stash[POOLERS]
    if not found:
        pytest.skip("no pgbouncer")
    keys: list[int] = []

    def started(many: int) -> Sequence[str]:
        version, port = request.param(found), free_port()
        folders = [pg_servers.folder / f"shared-{port}-{at}" for at in range(many)]
        peers = "".join(f"{at} = host={folder} port={port}\n" for at, folder in enumerate(folders, 1))
        for at, folder in enumerate(folders, 1):
            folder.mkdir(mode=0o700)
            section = f"[peers]\n{peers}" if many > 1 and version >= (1, 19) else ""
            own = f"peer_id = {at}\n" if section else ""
            ini = folder / "pgbouncer.ini"
            ini.write_text(INI.format(peers=section, port=port, folder=folder, shared=int(many > 1)) + own)
            for path in (folder, ini):
                give(server_account(), path)
            command = Launch((found[version], str(ini)), folder, server_account())
            keys.append(pg_servers.supervisor.start(command, folder / "out", (("SIGTERM", 1.0), ("SIGQUIT", 1.0))))
            assert wait_until((folder / f".s.PGSQL.{port}").exists, PATIENCE), (folder / "out").read_text()
        return (_uri(HOST, port), *(_uri(folder, port) for folder in folders))

    yield started
    for key in keys:
        pg_servers.supervisor.stop(key)


def _uri(host: object, port: int) -> str:
    return f"host={host} port={port} user=dba"


@asynccontextmanager
async def looking_at(uris: Sequence[str]) -> AsyncIterator[PgBouncers]:
    source = PgBouncers([PgBouncerServer(uri) for uri in uris])
    try:
        yield source
    finally:
        await source.close()


each = pytest.mark.parametrize("start", [min, max], indirect=True, ids=["oldest", "newest"])


@each
async def test_a_port_and_a_socket_of_one_process_are_shown_once(start: Start) -> None:
    uris = start(1)
    async with looking_at(uris) as source:
        for _ in range(2):
            taken = await source.fetch("pooler_databases")
            assert [row["name"] for row in taken.records()].count("shop") == 1
            assert [note for note in taken.notes if "is the same PgBouncer as" in note]
            assert len(set(taken.values("pooler"))) == 1


@each
async def test_processes_that_share_a_port_are_told_apart(start: Start) -> None:
    port, *sockets = start(2)
    async with looking_at((port, *sockets)) as source:
        taken = await source.fetch("pooler_databases")
        assert [row["name"] for row in taken.records()].count("shop") == 2, "the port leads to one of the two"
        assert [note for note in taken.notes if "is the same PgBouncer as" in note]
        assert not [note for note in taken.notes if "that share a port" in note]


@each
async def test_a_process_behind_the_same_port_that_is_not_named_is_missed(start: Start) -> None:
    _, socket, _ = start(2)
    async with looking_at((socket,)) as source:
        notes = (await source.fetch("pooler_config")).notes
        assert [note for note in notes if "other processes may share its port" in note]
    async with looking_at((socket, socket)) as source:
        notes = (await source.fetch("pooler_databases")).notes
        version = source.facts.version
    (shared,) = [note for note in notes if "so_reuseport" in note]
    assert (
        "1 of 2 processes that share a port" if version >= PEERS else "other processes may share its port"
    ) in shared


@each
async def test_two_poolers_are_two(start: Start) -> None:
    uris = (start(1)[0], start(1)[0])
    async with looking_at(uris) as source:
        taken = await source.fetch("pooler_databases")
    assert len(set(taken.values("pooler"))) == 2
    assert not [note for note in taken.notes if "same PgBouncer" in note]

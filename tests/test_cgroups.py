"""A server in a container: the limits of its cgroups are what its figures and presets are about, not the machine."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from console.model import number
from console.panes.host import OVERVIEW
from console.reading.reader import Reader
from console.sources.host.source import HostSource
from console.sources.postgres import PostgresServer
from console.tuning import machine
from tests.activity import console
from tests.cgroups import limited
from tests.servers import PostgresServer as Cluster
from tests.servers import Servers

MEMORY, PERCENT = 256 << 20, 150  # of one core
ELSEWHERE = Path("/nonexistent")  # the files of this machine are read through the server


@pytest.fixture
def contained(pg: Cluster, pg_servers: Servers) -> Iterator[Cluster]:
    """A server of its own below limits."""
    if pg_servers.choices[pg.major].installation is None:
        pytest.skip("needs local binaries")
    server = pg_servers.new(pg.major, {"shared_buffers": "16MB"})
    assert server.data is not None
    pid = int((server.data / "postmaster.pid").read_text().split()[0])
    with limited(pid, MEMORY, PERCENT, f"pipeline-{secrets.token_hex(4)}"):
        yield server
        server.stop()


@pytest.mark.parametrize("root", [Path("/"), ELSEWHERE], ids=["here", "through the server"])
async def test_the_limits_of_real_cgroups_are_those_of_host_and_presets(contained: Cluster, root: Path) -> None:
    async with console(contained, "postgres") as server:
        host = HostSource(server, root)
        (row,) = (await host.fetch("host_overview")).records()
        shown = {line["metric"]: line for line in (await Reader(OVERVIEW).read(host)).records()}
        found = await measured(server, contained, root)
    assert (row["limit_memory"], row["limit_cpus"]) == (MEMORY, PERCENT / 100)
    assert 0 < number(row["limit_used"]) <= MEMORY < number(row["memory_total"])
    assert number(row["limit_cpu"]) >= 0
    assert {"container CPU", "container memory"} <= set(shown)
    assert number(shown["container memory"]["share"]) == pytest.approx(100 * number(row["limit_used"]) / MEMORY, abs=20)
    assert (found.ram, found.cores) == (MEMORY, PERCENT // 100)


async def measured(server: PostgresServer, contained: Cluster, root: Path) -> machine.Machine:
    """The machine as the presets see it."""
    if root == ELSEWHERE:
        (texts,) = (await server.fetch("actions/tuning_machine")).records()
        return machine.parse({name: str(text) for name, text in texts.items() if text is not None})
    with contained.connect() as session:
        ((started,),) = session.execute("SELECT date_part('epoch', backend_start) FROM pg_stat_activity WHERE pid = "
                                        "pg_backend_pid()").fetchall()  # fmt: skip
        found = machine.local(session.info.backend_pid, started, str(contained.data))
    assert found is not None
    return found

"""Presets and the memory formula know the defaults of each version."""

from __future__ import annotations

from console.actions.tuning.tuning_reading import read
from console.sources.postgres import PostgresServer
from console.tuning import presets
from console.tuning.memory import worst_case
from console.tuning.proposals import Inputs, propose
from tests.servers import PostgresServer as Cluster

MB = 1 << 20


async def test_the_memory_formula_agrees_with_what_the_server_allocates(pg: Cluster) -> None:
    """shared_memory_size is what PostgreSQL 15 and later computed of the same settings at its start."""
    server = PostgresServer(pg.uri())
    await server.connect()
    settings = (await read(server)).state.settings
    await server.close()
    shared = worst_case(settings, lambda name: settings[name].value).shared
    if pg.major >= 15:
        assert 0.9 < shared / (int(settings["shared_memory_size"].value) * MB) < 1.15
    assert settings["max_locks_per_transaction"].default == ("128" if pg.major >= 19 else "64")


async def test_presets_leave_what_is_a_default_of_the_version_as_it_is(pg: Cluster) -> None:
    server = PostgresServer(pg.uri())
    await server.connect()
    settings = (await read(server)).state.settings
    await server.close()
    entries, _ = presets.entries(presets.load("pipeline"), "ssd")
    names = ("log_lock_waits", "jit", "max_locks_per_transaction", "effective_io_concurrency", "log_checkpoints")
    wanted = [entry for entry in entries if entry.setting in names]
    found = propose(wanted, Inputs(settings, {}, pg.major))
    since = {"log_lock_waits": 19, "jit": 19, "max_locks_per_transaction": 19, "effective_io_concurrency": 18}
    assert {each.setting.name for each in found if each.state == "change"} == {
        name for name in names if pg.major < since.get(name, 15)
    }

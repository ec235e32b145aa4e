"""A loader's lock is given back when the answer that granted it was lost: real Redis behind a proxy that loses it."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from console.cache import Generations
from console.demo.redis_server import RedisProcess
from tests.brands import fresh_namespace, new_brands, pipeline_schema, service
from tests.servers import PostgresServer
from tests.waiting import PATIENCE, eventually


@dataclass(slots=True)
class Proxy:
    """Passes bytes between clients and Redis. It holds back what one connection says, or what it is answered."""

    port: int
    hold_requests: bool = False  # of the next connection that sends something, until `pass_on`
    lose_answers: bool = False  # of all connections
    held: int = 0
    lost: int = 0
    answered_late: int = 0
    pass_on: asyncio.Event = field(default_factory=asyncio.Event)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    writers: list[asyncio.StreamWriter] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        redis_reader, redis_writer = await asyncio.open_connection("127.0.0.1", self.port)
        self.writers += [writer, redis_writer]  # kept: a late request is answered although its client has gone
        late: list[bool] = []
        answers = asyncio.create_task(self._answers(redis_reader, writer, late))
        self.tasks.add(answers)
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                if self.hold_requests:
                    self.hold_requests, self.held = False, self.held + 1
                    late.append(True)
                    await self.pass_on.wait()
                redis_writer.write(data)
                await redis_writer.drain()

    async def _answers(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, late: list[bool]) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                self.answered_late += bool(late)
                if self.lose_answers:
                    self.lost += 1
                elif not late:
                    writer.write(data)


@pytest.fixture
async def proxy(redis_process: RedisProcess) -> AsyncIterator[tuple[Proxy, str]]:
    """A proxy before a Redis, and the URI to reach it."""
    found = Proxy(redis_process.port)
    server = await asyncio.start_server(found.serve, "127.0.0.1", 0)
    yield found, f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()
    for task in found.tasks:
        task.cancel()
    await asyncio.gather(*found.tasks, return_exceptions=True)
    for writer in found.writers:
        writer.close()


@pytest.fixture(scope="module")
def uri(any_pg: PostgresServer) -> str:
    """The application's connection string for a database with the schema."""
    return any_pg.uri(pipeline_schema(any_pg), "pipeline_app")


@pytest.mark.parametrize("how", ["the answer is lost", "the request arrives late", "the reader is cancelled"])
async def test_a_lock_of_which_its_loader_does_not_know_stops_no_other_reader(
    uri: str, redis_process: RedisProcess, proxy: tuple[Proxy, str], how: str
) -> None:
    wire, through = proxy
    brand, warm = new_brands(uri, 2)
    name, hours = fresh_namespace(), 3600.0
    deadline = PATIENCE if how == "the reader is cancelled" else 0.3
    async with (
        service(uri, through, name, deadline=deadline, loading=hours) as unlucky,
        service(uri, redis_process.uri, name, wait=hours, loading=hours) as other,
    ):
        await unlucky.cache.get_brand_profile(warm)  # connected, and the script is known
        wire.lose_answers, wire.hold_requests = how != "the request arrives late", how == "the request arrives late"
        reading = asyncio.create_task(unlucky.cache.get_brand_profile(brand))
        await eventually(lambda: wire.lost or wire.held)
        if how == "the reader is cancelled":
            reading.cancel()
            with pytest.raises(asyncio.CancelledError):
                await reading
        else:
            assert (await reading or {})["id"] == brand
        wire.lose_answers = False
        if how == "the request arrives late":
            await eventually(lambda: not unlucky.cache._locks._owed)
            wire.pass_on.set()
            await eventually(lambda: wire.answered_late)
        async with asyncio.timeout(PATIENCE):
            assert (await other.cache.get_brand_profile(brand) or {})["id"] == brand
        assert other.store.loads == [("profile", brand)]


async def test_a_lock_is_given_back_by_its_own_token_alone(redis_process: RedisProcess, uri: str) -> None:
    async with service(uri, redis_process.uri, fresh_namespace()) as one:
        redis: Generations = one.cache._redis
        brand = str(uuid.uuid4())
        lead = await redis.read(brand, "profile", "mine")
        await redis.release(brand, "profile", "of another")
        assert (await redis.read(brand, "profile", "third")).state == "wait"
        await redis.release(brand, "profile", lead.token)
        assert (await redis.read(brand, "profile", "third")).state == "lead"
        assert (await redis.read(brand, "templates", "of another")).state == "wait"

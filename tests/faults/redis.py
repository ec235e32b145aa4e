"""Faults of the Redis that caches brands."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import redis

from console.demo.redis_server import RedisProcess
from tests.faults.stage import Stage
from tests.waiting import wait

LIMIT = 64 * 2**20


def limit_memory(server: RedisProcess) -> None:
    """Give it the limit and the policy of a cache."""
    with admin(server) as client:
        client.config_set("maxmemory", LIMIT)
        client.config_set("maxmemory-policy", "allkeys-lru")


def admin(server: RedisProcess) -> redis.Redis:
    """A client with all rights."""
    return redis.Redis.from_url(server.uri)


def of(stage: Stage) -> RedisProcess:
    """The Redis of the stage."""
    assert stage.redis is not None
    return stage.redis


@contextmanager
def server_that_died(stage: Stage) -> Iterator[str]:
    server = of(stage)
    server.stop()
    yield f"{server.port} does not answer"
    server.start(("--maxmemory", str(LIMIT), "--maxmemory-policy", "allkeys-lru"))


@contextmanager
def memory_without_a_limit(stage: Stage) -> Iterator[str]:
    with admin(of(stage)) as client:
        client.config_set("maxmemory", 0)
        client.config_set("maxmemory-policy", "noeviction")
    yield "Redis has no maxmemory"
    limit_memory(of(stage))


@contextmanager
def memory_nearly_full(stage: Stage) -> Iterator[str]:
    with admin(of(stage)) as client:
        client.config_set("maxmemory", 4 * 2**20)
        client.config_set("maxmemory-policy", "noeviction")
        client.set("large", b"x" * 2**20)
        yield "of maxmemory, and its policy is noeviction"
        client.delete("large")
    limit_memory(of(stage))


@contextmanager
def memory_too_small(stage: Stage) -> Iterator[str]:
    stop = threading.Event()

    def write() -> None:
        with admin(of(stage)) as client:
            for first in itertools.count(0, 50):
                if stop.wait(0.01):
                    break
                with client.pipeline(transaction=False) as several:
                    for number in range(first, first + 50):
                        several.set(f"item:{number}", b"x" * 1000)
                    several.execute()

    writer = threading.Thread(target=write)
    with admin(of(stage)) as client:
        client.config_set("maxmemory", 3 * 2**20)
        writer.start()
        wait(lambda: client.info("stats")["evicted_keys"])
        try:
            yield "is too small for what is cached"
        finally:
            stop.set()
            writer.join()
            client.flushall()
    limit_memory(of(stage))


@contextmanager
def clients_that_wait_in_vain(stage: Stage) -> Iterator[str]:
    def pop() -> None:
        with admin(of(stage)) as client:
            client.blpop(["jobs"], timeout=0)

    waiting = [threading.Thread(target=pop) for _ in range(3)]
    for thread in waiting:
        thread.start()
    with admin(of(stage)) as client:
        wait(lambda: client.info("clients")["blocked_clients"] == 3)
        try:
            yield "3 clients wait in a blocking command"
        finally:
            client.rpush("jobs", 1, 2, 3)
            for thread in waiting:
                thread.join()


@contextmanager
def reads_that_found_nothing(stage: Stage) -> Iterator[str]:
    with admin(of(stage)) as client:
        seconds, _fraction = client.time()
        now, earlier = (f"brands:counts:{seconds // 60 - ago}" for ago in (0, 7))  # as the library counts
        client.hset(earlier, "profile:hit", 1)
        client.hset(now, mapping={"profile:hit": 100, "profile:miss": 2000})
        yield "Redis answered 5 % of 2,100 reads"
        client.delete(now, earlier)

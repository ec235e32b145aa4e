"""Rules over Redis and the cache of brands."""

from __future__ import annotations

from console.model import Level, Rule, StateRule, Window, above, below

BRAND_HIT_PERCENT = Rule(
    name="brand_hit_percent",
    title="Reads of brands that Redis answered, of all in five minutes, from 1,000 reads on",
    unit="%",
    limit=below(80, 50),
    queries=("redis_reads",),
    window=Window.RECENT,
)
REDIS_MEMORY_PERCENT = Rule(
    name="redis_memory_percent",
    title="Memory that Redis uses, of maxmemory, with the policy noeviction",
    unit="%",
    limit=above(80, 95),
    queries=("redis_server",),
)
REDIS_EVICTED_PER_MINUTE = Rule(
    name="redis_evicted_per_minute",
    title="Keys that Redis evicted for lack of memory",
    unit="per minute",
    limit=above(60),
    queries=("redis_server",),
    window=Window.RECENT,
)
REDIS_BLOCKED_CLIENTS = Rule(
    name="redis_blocked_clients",
    title="Clients that wait in a blocking command of Redis",
    unit="count",
    limit=above(100),
    queries=("redis_server",),
)
REDIS_LIMIT = StateRule(
    name="redis_limit",
    title="Whether maxmemory limits Redis",
    levels={"none": Level.WARNING},
    queries=("redis_server",),
)

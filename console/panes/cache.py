"""Cache: the Redis that caches brands, its hit rate and its limits."""

from __future__ import annotations

from console.model import Column, Lookup, Pane, Rate, Snapshot, View, Whole, number
from console.rules.cache import (
    BRAND_HIT_PERCENT,
    REDIS_BLOCKED_CLIENTS,
    REDIS_EVICTED_PER_MINUTE,
    REDIS_LIMIT,
    REDIS_MEMORY_PERCENT,
)

ENOUGH = 1000  # reads in five minutes from which a hit rate is judged


def judge_reads(taken: Snapshot) -> Snapshot:
    """`judged`: the hit rate of a cache that has been in use for a while, where there were enough reads."""
    rows = [
        (row["hit_percent"] if row["warm"] and number(row["reads"]) >= ENOUGH else None,) for row in taken.records()
    ]
    return taken.with_columns(("judged",), rows)


def judge_memory(taken: Snapshot) -> Snapshot:
    """What is judged: whether there is a limit, and the share of it that is used where nothing is evicted."""
    latency = 1000 * taken.seconds
    rows = [
        (row["memory_percent"] if row["policy"] == "noeviction" else None, "" if row["maxmemory"] else "none", latency)
        for row in taken.records()
    ]
    return taken.with_columns(("memory_judged", "limit_judged", "latency_ms"), rows)


READS = View(
    name="reads",
    title="Reads",
    query="redis_reads",
    key=("kind",),
    derive=judge_reads,
    columns=(
        Column("kind", "kind", "name", width=12, grow=True, help="What services read: profiles, templates, assets."),
        Column("reads", "reads", "count", width=9, help="Of all processes in the last five minutes."),
        Column(
            "hit_percent",
            "hit",
            "percent",
            width=7,
            rule=BRAND_HIT_PERCENT,
            judged="judged",
            help="Reads that Redis answered, of all reads of brands; other keys of this Redis do not count.",
        ),
        Column("hits", "hits", "count", width=9, help="Answered from Redis."),
        Column("misses", "loaded", "count", width=8, help="Loaded from the database, then stored in Redis."),
        Column("waits", "waited", "count", width=8, help="Waited until another process had loaded the same value."),
        Column(
            "bypasses", "bypassed", "count", width=9, help="Read from the database while the brand was being changed."
        ),
    ),
    empty="No reads in the last five minutes.",
)

SERVER = View(
    name="server",
    title="Server",
    query="redis_server",
    key=("role",),
    derive=judge_memory,
    rates=(
        Rate("evicted_rate", "evicted", scale=60),
        Rate("expired_rate", "expired"),
        Rate("commands_rate", "commands"),
        Rate("keyspace_hit", "keyspace_hits", per="keyspace_reads", scale=100.0),
    ),
    columns=(
        Column(
            "used_memory",
            "memory",
            "size",
            rule=REDIS_MEMORY_PERCENT,
            judged="memory_judged",
            bar="maxmemory",
            help="Memory that Redis uses.",
        ),
        Column(
            "maxmemory",
            "max",
            "size",
            rule=REDIS_LIMIT,
            judged="limit_judged",
            help="maxmemory; 0: no limit, Redis grows until the machine runs out of memory.",
        ),
        Column(
            "policy",
            "policy",
            "text",
            width=12,
            grow=True,
            help="maxmemory-policy; for a cache: allkeys-lru. With noeviction a full Redis refuses writes.",
        ),
        Column(
            "evicted_rate",
            "evict/min",
            "rate",
            width=9,
            rule=REDIS_EVICTED_PER_MINUTE,
            help="Keys evicted for lack of memory, per minute.",
        ),
        Column("expired_rate", "expired/s", "rate", width=9, help="Keys that reached their time to live, per second."),
        Column("clients", "clients", "count", width=7, help="Connected clients."),
        Column(
            "blocked",
            "blocked",
            "count",
            width=7,
            rule=REDIS_BLOCKED_CLIENTS,
            help="Clients that wait in a blocking command, such as BLPOP.",
        ),
        Column("latency_ms", "latency", "ms", width=8, help="How long this read of INFO took, in one round trip."),
        Column("commands_rate", "commands/s", "rate", width=10, extra=True),
        Column(
            "keyspace_hit",
            "all hits",
            "percent",
            width=8,
            extra=True,
            help="Hits of all keys of this Redis, since the last read.",
        ),
        Column("fragmentation", "fragm.", "rate", width=6, extra=True, help="Resident memory divided by used memory."),
        Column(
            "persistence",
            "persistence",
            "text",
            width=16,
            extra=True,
            help="Snapshots, append-only file or none; a cache needs none.",
        ),
        Column("role", "role", "text", width=7, extra=True),
        Column(
            "rejected",
            "rejected",
            "count",
            extra=True,
            help="Connections that maxclients refused, since Redis started.",
        ),
        Column("evicted", "evicted", "count", extra=True, help="Since Redis started."),
        Column("expired", "expired", "count", extra=True, help="Since Redis started."),
        Column("uptime", "uptime", "age", extra=True),
    ),
)

NAMES = Lookup("brand_names", ("brand",), ("name", "organization", "organization_id"), keep=60.0, source="postgres")
HOT = View(
    name="brands",
    title="Brands",
    query="redis_hot",
    kept=60.0,
    key=("brand",),
    sort="-reads",
    columns=(
        Column(
            "name",
            "brand",
            "name",
            width=16,
            grow=True,
            help="Its name in the database, if it is there and this role can read it.",
        ),
        Column("brand", "id", "name", width=36),
        Column("reads", "reads", "count", width=8, help="In this period of ten minutes and the one before."),
        Column(
            "percent", "share", "percent", width=7, bar=Whole.HUNDRED, help="Share of the reads of the brands shown."
        ),
        Column("organization", "organization", "name", width=24, extra=True),
        Column("organization_id", "organization id", "name", width=36, extra=True),
    ),
    lookups=(NAMES,),
    empty="No brand was read in the last ten minutes.",
)

KEYS = View(
    name="keys",
    title="Keys",
    query="redis_keys",
    kept=300.0,
    key=("kind",),
    sort="-keys",
    columns=(
        Column(
            "kind",
            "kind",
            "name",
            width=12,
            grow=True,
            help="state: the generation of a brand; lock: a value being loaded; other: not of this cache.",
        ),
        Column(
            "keys",
            "keys",
            "count",
            width=11,
            help="Counted by SCAN, a slice with each read; estimated until all slices were read.",
        ),
        Column("percent", "share", "percent", width=8, bar=Whole.HUNDRED),
    ),
    empty="Redis is empty.",
)

CLIENTS = View(
    name="clients",
    title="Clients",
    query="redis_clients",
    kept=60.0,
    key=("id",),
    sort="-idle",
    columns=(
        Column("addr", "address", "name", width=21, grow=True),
        Column("name", "name", "name", width=16),
        Column("user", "user", "name", width=10),
        Column("age", "connected", "age", width=9),
        Column("idle", "idle", "age", width=7),
        Column("command", "last", "text", width=12, help="The last command."),
        Column("blocked", "blocked", "flag", width=7, extra=True),
        Column("output_memory", "output", "size", extra=True, help="Replies that the client has not read yet."),
        Column("library", "library", "text", width=18, extra=True, help="Redis 7.2 and later."),
    ),
)

CACHE = Pane(
    name="cache",
    key="B",
    title="Cache",
    group="Around",
    help=(
        "The Redis through which services read brand profiles, templates and assets. The hit rate is that of these "
        "reads, counted by the library of the services. A read costs Redis less than a millisecond: keys are counted "
        "by SCAN in slices, never by KEYS."
    ),
    views=(READS, SERVER, HOT, KEYS, CLIENTS),
    source="redis",
    refresh=5.0,
    actions=("invalidate-brand", "flush-tenant"),
)

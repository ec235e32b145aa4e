"""The readings of a Redis: name, columns, commands, and how rows are made of the answers.

A reading costs Redis less than a millisecond, however many keys it holds: each reading of the keys counts one slice of
SCAN and extrapolates until all slices have been read. KEYS is never sent.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import field
from typing import Any

from console.model import Row
from console.records import dataclass

NAMESPACE = "brands"
SLICE = 250  # keys of one SCAN and of one reading: about 0.2 ms of Redis
MINUTES = 5  # for which reads are added up
HOTTEST = 50
CLIENTS = 500  # rows of the view
_BRAND = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
RESULTS = ("hit", "miss", "wait", "bypass")
KINDS = ("profile", "templates", "assets")


@dataclass(slots=True)
class Census:
    """The keys counted so far by one iteration of SCAN, and the counts of the last complete one."""

    cursor: int = 0
    counted: Counter[str] = field(default_factory=Counter)
    whole: Counter[str] | None = None
    keys: int = 0  # of the database, by DBSIZE

    @property
    def seen(self) -> int:
        """Keys counted by this iteration."""
        return self.counted.total()

    @property
    def notes(self) -> tuple[str, ...]:
        """How exact the counts are."""
        if self.whole is not None:
            return ()
        percent = min(99, 100 * self.seen // max(self.keys, 1))
        return (f"Estimated from {percent} % of the keys; each read counts {SLICE:,} more.",)

    def add(self, cursor: int, keys: Sequence[bytes]) -> None:
        """Count one slice; a cursor of 0 ends the iteration."""
        self.counted.update(kind_of(key.decode("utf-8", "replace")) for key in keys)
        self.cursor = cursor
        if cursor == 0:
            self.whole, self.counted = self.counted, Counter()

    def rows(self) -> tuple[Row, ...]:
        """Each kind with its number of keys, counted or estimated."""
        if self.whole is not None:
            return tuple((kind, count, 100 * count / max(self.whole.total(), 1)) for kind, count in self.whole.items())
        scale = self.keys / max(self.seen, 1)
        return tuple(
            (kind, round(count * scale), 100 * count / max(self.seen, 1)) for kind, count in self.counted.items()
        )


def kind_of(key: str, namespace: str = NAMESPACE) -> str:
    """What a key holds: profile, templates, assets, state, lock or counters; "other": it is not of the cache."""
    parts = key.split(":")
    if parts[0] != namespace or len(parts) < 2:
        return "other"
    if not _BRAND.fullmatch(parts[1]):
        return "counters" if parts[1] in {"counts", "hot", "epoch"} else "other"
    if len(parts) == 2:
        return "state"
    if parts[-1] == "lock":
        return "lock"
    return parts[3] if len(parts) > 3 and parts[3] in KINDS else "other"


async def _keys(client: Any, census: Census) -> tuple[Row, ...]:
    census.keys = int(await client.dbsize())
    cursor, keys = await client.scan(cursor=census.cursor, count=SLICE)
    census.add(int(cursor), keys)
    return census.rows()


async def _reads(client: Any, _: Census) -> tuple[Row, ...]:
    seconds, _fraction = await client.time()
    minute = seconds // 60
    async with client.pipeline(transaction=False) as commands:
        commands.exists(*(_counts(minute - ago) for ago in range(MINUTES + 1, 2 * MINUTES + 1)))
        for ago in range(MINUTES + 1):
            commands.hgetall(_counts(minute - ago))
        found = await commands.execute()
    total: Counter[str] = Counter()
    for counts in found[1:]:
        total.update({name.decode("utf-8", "replace"): int(count) for name, count in counts.items()})
    return tuple(_read_row(kind, total, bool(found[0])) for kind in (*KINDS, "all"))


def _counts(minute: int) -> str:
    return f"{NAMESPACE}:counts:{minute}"


def _read_row(kind: str, total: Mapping[str, int], warm: bool) -> Row:
    kinds = KINDS if kind == "all" else (kind,)
    counts = [sum(total.get(f"{each}:{result}", 0) for each in kinds) for result in RESULTS]
    reads = sum(counts)
    return (kind, reads, 100 * counts[0] / reads if reads else None, *counts, warm)


async def _hot(client: Any, _: Census) -> tuple[Row, ...]:
    seconds, _fraction = await client.time()
    period = seconds // 600
    async with client.pipeline(transaction=False) as commands:
        for each in (period - 1, period):
            commands.zrange(f"{NAMESPACE}:hot:{each}", 0, HOTTEST - 1, desc=True, withscores=True)
        found = await commands.execute()
    reads: Counter[str] = Counter()
    for ranked in found:
        for brand, score in ranked:
            reads[brand.decode("utf-8", "replace")] += int(score)
    most = reads.most_common(HOTTEST)
    total = sum(count for _brand, count in most)
    return tuple((brand, count, 100 * count / max(total, 1)) for brand, count in most)


async def _server(client: Any, _: Census) -> tuple[Row, ...]:
    async with client.pipeline(transaction=False) as commands:
        for section in ("server", "clients", "memory", "stats", "persistence", "replication"):
            commands.info(section)
        info = {name: value for section in await commands.execute() for name, value in section.items()}
    used, limit = info.get("used_memory"), info.get("maxmemory") or 0
    hits, misses = info.get("keyspace_hits", 0), info.get("keyspace_misses", 0)
    return (
        (
            info.get("uptime_in_seconds"),
            used,
            limit,
            100 * used / limit if limit and used is not None else None,
            str(info.get("maxmemory_policy", "")),
            info.get("evicted_keys"),
            info.get("expired_keys"),
            info.get("total_commands_processed"),
            hits,
            hits + misses,
            info.get("connected_clients"),
            info.get("blocked_clients"),
            info.get("rejected_connections"),
            info.get("mem_fragmentation_ratio"),
            _persistence(info),
            str(info.get("role", "")),
        ),
    )


def _persistence(info: Mapping[str, Any]) -> str:
    if info.get("loading"):
        return "loading"
    if info.get("aof_enabled"):
        return "append-only file" if info.get("aof_last_write_status") == "ok" else "append-only file fails"
    if info.get("rdb_last_bgsave_status") not in {"ok", None}:
        return "last snapshot failed"
    return "snapshots" if info.get("rdb_saves") else "none so far"


async def _clients(client: Any, _: Census) -> tuple[Row, ...]:
    listed = await client.client_list()
    return tuple(
        (
            int(each["id"]),
            each.get("addr", ""),
            each.get("name", ""),
            each.get("user", ""),
            int(each.get("age", 0)),
            int(each.get("idle", 0)),
            each.get("cmd", ""),
            int(each.get("omem", 0)),
            "b" in each.get("flags", ""),
            f"{each.get('lib-name', '')} {each.get('lib-ver', '')}".strip(),
        )
        for each in listed[:CLIENTS]
    )


@dataclass(frozen=True, slots=True)
class Reading:
    """One named reading."""

    columns: tuple[str, ...]
    text: str  # the commands, as `S` shows them
    read: Callable[[Any, Census], Awaitable[tuple[Row, ...]]]
    counts_keys: bool = False


READINGS: Mapping[str, Reading] = {
    "redis_reads": Reading(
        ("kind", "reads", "hit_percent", "hits", "misses", "waits", "bypasses", "warm"),
        f"TIME\nHGETALL {NAMESPACE}:counts:MINUTE  -- of this minute and the {MINUTES} before\n"
        f"EXISTS {NAMESPACE}:counts:MINUTE …  -- of the {MINUTES} minutes before those",
        _reads,
    ),
    "redis_server": Reading(
        (
            *("uptime", "used_memory", "maxmemory", "memory_percent", "policy", "evicted", "expired", "commands"),
            *("keyspace_hits", "keyspace_reads", "clients", "blocked", "rejected", "fragmentation"),
            *("persistence", "role"),
        ),
        "INFO server\nINFO clients\nINFO memory\nINFO stats\nINFO persistence\nINFO replication",
        _server,
    ),
    "redis_keys": Reading(("kind", "keys", "percent"), f"DBSIZE\nSCAN CURSOR COUNT {SLICE}", _keys, True),
    "redis_hot": Reading(
        ("brand", "reads", "percent"),
        f"TIME\nZRANGE {NAMESPACE}:hot:PERIOD 0 {HOTTEST - 1} REV WITHSCORES  -- of this and the last ten minutes",
        _hot,
    ),
    "redis_clients": Reading(
        ("id", "addr", "name", "user", "age", "idle", "command", "output_memory", "blocked", "library"),
        "CLIENT LIST",
        _clients,
    ),
}

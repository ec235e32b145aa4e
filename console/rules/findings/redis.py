"""The Redis that caches brands: it does not answer, has no limit, is full, or answers few reads."""

from __future__ import annotations

from collections.abc import Iterable

from console.format import age, size
from console.model import OFTEN, Ask, CannotTell, Diagnosis, Evidence, Finding, Frame, Level, Urgency, of_view
from console.panes.cache import READS, SERVER
from console.rules.cache import (
    BRAND_HIT_PERCENT,
    REDIS_BLOCKED_CLIENTS,
    REDIS_EVICTED_PER_MINUTE,
    REDIS_MEMORY_PERCENT,
)
from console.rules.findings.wording import counted, number

REDIS = "redis"
WINDOW = 300.0  # seconds in which evictions are counted
_LIMITS = "set maxmemory, and maxmemory-policy to allkeys-lru, in redis.conf or by CONFIG SET"


def gone(frame: Frame) -> Iterable[Finding]:
    """A finding while Redis does not answer."""
    if why := frame.silent("redis_server"):
        yield Finding(
            "redis-gone",
            "redis",
            Level.CRITICAL,
            f"Every read of a brand goes to the database: {why.sentence}",
            why.remedy,
            (Evidence("Redis", "does not answer", "cache", "server"),),
        )


def memory(frame: Frame) -> Iterable[Finding]:
    """A finding if nothing limits the memory of Redis, or if it is nearly full and evicts nothing."""
    row = frame.row("redis_server")
    used = size(row["used_memory"])
    evidence = (Evidence("used memory", used, "cache", "server"),)
    level = frame.level(REDIS_MEMORY_PERCENT, row["memory_judged"])
    if not row["maxmemory"]:
        sentence = f"Redis has no maxmemory: it grows until the machine runs out of memory, and uses {used} now"
        yield Finding("redis-memory", "redis memory", Level.WARNING, sentence, _LIMITS, evidence)
    elif level:
        percent = f"{number(row['memory_judged']):.0f} %"
        sentence = f"Redis uses {percent} of maxmemory, and its policy is noeviction: at 100 % it refuses writes"
        yield Finding("redis-memory", "redis memory", level, sentence, _LIMITS, evidence)


def evicting(frame: Frame) -> Iterable[Finding]:
    """A finding if Redis evicts many keys for lack of memory."""
    rose, elapsed = frame.change("redis_server", "evicted", WINDOW)
    rate = 60 * rose / elapsed
    level = frame.level(REDIS_EVICTED_PER_MINUTE, rate)
    if level:
        limit = size(frame.row("redis_server")["maxmemory"])
        yield Finding(
            "redis-evicts",
            "redis evictions",
            level,
            f"Redis evicts {rate:,.0f} keys per minute: its maxmemory of {limit} is too small for what is cached",
            "raise maxmemory; the view Keys of the pane Cache shows which kinds of keys there are",
            (Evidence("evicted keys", f"{rose:,.0f} in {age(elapsed)}", "cache", "server"),),
        )


def blocked(frame: Frame) -> Iterable[Finding]:
    """A finding if many clients wait in blocking commands."""
    waiting = int(number(frame.row("redis_server")["blocked"]))
    level = frame.level(REDIS_BLOCKED_CLIENTS, waiting)
    if level:
        clients = counted(waiting, "client waits", "clients wait")
        yield Finding(
            "redis-blocked",
            "redis clients",
            level,
            f"{clients} in a blocking command of Redis, such as BLPOP or XREAD",
            "what they wait for may have stopped; the view Clients of the pane Cache shows their last commands",
            (Evidence("blocked clients", f"{waiting:,}", "cache", "clients"),),
            harm=float(waiting),
        )


def missing(frame: Frame) -> Iterable[Finding]:
    """A finding if Redis answers few of many reads."""
    row = next((row for row in frame.rows("redis_reads") if row["kind"] == "all"), None)
    if row is None:
        raise CannotTell("redis_reads returned no total.")
    level = frame.level(BRAND_HIT_PERCENT, row["judged"])
    if level:
        share = f"{number(row['judged']):.0f} %"
        changing = number(row["bypasses"]) > number(row["misses"])
        why = "were made while the brand was being changed" if changing else "found nothing in Redis"
        yield Finding(
            "cache-misses",
            "brand cache",
            level,
            f"Redis answered {share} of {number(row['reads']):,.0f} reads of brands in five minutes; most others {why}",
            "every change drops all that is cached of its brand: check which service changes brands, and how often",
            (Evidence("hit rate", share, "cache", "reads", {"kind": "all"}),),
            blames=("redis evictions", "redis memory"),
        )


_SERVER = (Ask("redis_server", REDIS, OFTEN, WINDOW, view=SERVER),)
REDIS_GONE = Diagnosis("redis-gone", "Redis does not answer", Urgency.NOW, _SERVER, gone)
REDIS_MEMORY = Diagnosis(
    "redis-memory",
    "Nothing limits the memory of Redis, or it is nearly full",
    Urgency.SOON,
    _SERVER,
    memory,
    (REDIS_MEMORY_PERCENT,),
)
REDIS_EVICTS = Diagnosis(
    "redis-evicts",
    "Redis evicts many keys for lack of memory",
    Urgency.SOON,
    _SERVER,
    evicting,
    (REDIS_EVICTED_PER_MINUTE,),
)
REDIS_BLOCKED = Diagnosis(
    "redis-blocked",
    "Many clients wait in blocking commands of Redis",
    Urgency.NOW,
    _SERVER,
    blocked,
    (REDIS_BLOCKED_CLIENTS,),
)
CACHE_MISSES = Diagnosis(
    "cache-misses",
    "Redis answers few reads of brands",
    Urgency.SOON,
    (of_view(READS, OFTEN, REDIS),),
    missing,
    (BRAND_HIT_PERCENT,),
    misses="A cache that has been read for less than ten minutes is not judged: it is being filled.",
)

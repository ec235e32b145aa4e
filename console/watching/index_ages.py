"""When indexes were built, as a source: the server does not keep it, but the rules know it of those they saw appear."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from console.model import IndexHistory, Snapshot
from console.sources.console import Answer, ConsoleSource
from console.sources.registry import SEEN

QUERY = "index_ages"


def seen_source(indexes: Callable[[], IndexHistory]) -> ConsoleSource:
    """What answers how old indexes are; `indexes` returns what is known of them."""

    async def built(asked: Mapping[str, object]) -> Snapshot:
        began = time.monotonic()
        known, at = await asyncio.to_thread(indexes), datetime.now(UTC)
        oids = [int(str(oid)) for oid in (asked["oid"] if isinstance(asked["oid"], list) else [asked["oid"]])]
        rows = tuple((oid, (at - known.new[oid]).total_seconds() if oid in known.new else None) for oid in oids)
        now = time.monotonic()
        return Snapshot(QUERY, ("oid", "built_age"), rows, at, now - began, now)

    text = "-- Since when indexes are there that were not when the rules read before."
    return ConsoleSource(lambda: {QUERY: Answer(built, lambda: text)}, name=SEEN)

"""The SQLSTATEs of a load test's errors from the log of the server: pgbench does not print them."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from datetime import datetime

from console.model import Source
from console.running.load.output import UNNAMED
from console.running.load.pgbench import DEADLOCK, SERIALIZATION

PATIENCE = 3.0  # seconds in which the server writes its log
PAUSE = 0.6
ERRORS = {"ERROR", "FATAL", "PANIC"}


async def name_errors(log: Source, application: str, since: datetime, failures: Counter[str]) -> None:
    """Move errors in `failures` whose SQLSTATE is not known to the one that the log has for sessions of `application`.

    What the log does not have stays as it is. Raises Trouble if the log cannot be read.
    """
    end = time.monotonic() + PATIENCE
    found = await _logged(log, application, since)
    while found.total() < failures[UNNAMED] and time.monotonic() < end:
        await asyncio.sleep(PAUSE)
        found = await _logged(log, application, since)
    for code, number in found.most_common():
        named = min(number, failures[UNNAMED])
        failures[code] += named
        failures[UNNAMED] -= named


async def _logged(log: Source, application: str, since: datetime) -> Counter[str]:
    """Errors in the log by SQLSTATE, without those that pgbench names itself."""
    entries = (await log.fetch("log_entries")).records()
    return Counter(
        str(entry["sqlstate"])
        for entry in entries
        if entry["application"] == application
        and entry["severity"] in ERRORS
        and entry["sqlstate"] not in (None, "", SERIALIZATION, DEADLOCK)
        and isinstance(entry["at"], datetime)
        and entry["at"] >= since
    )

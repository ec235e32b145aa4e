"""The samples of pg_wait_sampling, taken many times a second by the server itself, where the extension is installed."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence

from console.model import Database, Kind, Record, Trouble
from console.records import dataclass
from console.series.waits import SampledSession, wait_class

HISTORY = "wait_history"
LONGEST = 5.0  # seconds that are asked for
PERIOD = 2.0  # seconds between two readings: the server goes through all that it keeps for each
LATER = 60.0  # seconds after which it is tried again after an error


@dataclass(frozen=True, slots=True)
class FinerSample:
    """What was seen since the last reading."""

    looks: int  # 0: none since the last ones
    times: Mapping[SampledSession, int]  # in how many of the looks each was there


class FinerWaits:
    """Reads what was sampled since it was read last."""

    def __init__(self, server: Database) -> None:
        self._server = server
        self._last: str | None = None  # the moment of the last look, as the server writes it
        self._looked = -math.inf  # when that was read, on the monotonic clock
        self.trouble: Trouble | None = None  # why it could not be read last
        self._again = 0.0  # when it may be read, on the same clock

    @property
    def is_read(self) -> bool:
        """Whether it was read just now, so that no other sample is missed."""
        return time.monotonic() - self._looked < 2 * PERIOD

    async def read(self, seconds: float) -> FinerSample | None:
        """What was seen in the last `seconds`, as far as it was not returned before: nothing until the next is due.

        None: the extension is not there, not loaded, or has seen nothing meanwhile, as when it looks less often.
        Raises Trouble(UNREACHABLE) if the server is gone.
        """
        if time.monotonic() < self._again or self._server.obstacle(HISTORY) is not None:
            return None
        if time.monotonic() - self._looked < PERIOD:
            return FinerSample(0, {})
        try:
            taken = await self._server.fetch(HISTORY, {"after": self._last, "seconds": min(seconds, LONGEST)})
        except Trouble as why:
            if why.kind is Kind.UNREACHABLE:
                raise
            self._again, self.trouble = time.monotonic() + LATER, why
            return None
        self.trouble = None
        rows = list(taken.records())
        if not rows or not rows[0]["samples"]:
            return None
        self._last, self._looked = str(rows[0]["last"]), time.monotonic()
        return sample(rows)


def sample(rows: Sequence[Record]) -> FinerSample:
    """The rows of the history as sessions. Pure."""
    times: dict[SampledSession, int] = {}
    for row in rows:
        session = sampled_session(row)
        if session is not None:
            times[session] = times.get(session, 0) + int(str(row["times"]))
    return FinerSample(int(str(rows[0]["samples"])), times)


def sampled_session(row: Record) -> SampledSession | None:
    """A session as it is counted; None: it is not."""
    class_ = wait_class(_text(row["backend"]), _text(row["state"]), _text(row["class"]))
    if not class_:
        return None
    query_id, pid = row["query_id"], row["pid"]
    return SampledSession(
        class_,
        _text(row["event"]) or "",
        query_id if isinstance(query_id, int) else None,
        _text(row["application"]) or "",
        _text(row["user"]) or "",
        pid if isinstance(pid, int) else None,
    )


def _text(value: object) -> str | None:
    return None if value is None else str(value)

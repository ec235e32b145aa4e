"""Sessions of a whole Citus cluster, by global pid: found on all nodes, and signalled through the coordinator."""

from __future__ import annotations

from collections.abc import Sequence

from console.actions.planning import CITUS, Request, refuse, steps_from_rows
from console.model import Snapshot, Source, Step

MOST = 2**63 - 1
_LARGEST_PID = 2**31 - 1


def meant(request: Request) -> bool:
    """Whether a number in `pid` is no pid of this server but a global one, where Citus is installed."""
    parts = [part.strip() for part in request.parameters["pid"].split(",")]
    numbers = [int(part) for part in parts if part.isascii() and part.isdigit()]
    return CITUS in request.server.facts.extensions and any(_LARGEST_PID < number <= MOST for number in numbers)


async def candidates(server: Source, gpids: Sequence[int], started: Sequence[str | None], cancel: bool) -> Snapshot:
    """The sessions with these global pids. Raises Trouble(REFUSED) if one may not be signalled."""
    asked = {"gpids": list(gpids), "started": list(started), "cancel": cancel}
    found = await server.fetch("actions/cluster_candidates", asked)
    for row in found.records():
        refuse(row)
    return found


async def signals(server: Source, found: Snapshot, cancel: bool) -> tuple[Step, ...]:
    """The statement that cancels or terminates these sessions."""
    asked = {
        "gpids": list(found.values("pid")),
        "started": list(found.values("backend_start")),
        "moments": list(found.values("query_start")) if cancel else [None] * len(found.rows),
        "cancel": cancel,
    }
    return steps_from_rows(await server.fetch("actions/cluster_signals", asked))

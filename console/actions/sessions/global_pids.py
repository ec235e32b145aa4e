"""Sessions of a whole Citus cluster, by global pid: found on all nodes, and signalled through the coordinator."""

from __future__ import annotations

from collections.abc import Sequence

from console.actions.planning import CITUS, Request, steps_from_rows
from console.actions.sessions.meant import LARGEST_PID, Meant, asked_of
from console.model import Snapshot, Source, Step

MOST = 2**63 - 1


def meant(request: Request) -> bool:
    """Whether a number in `pid` is no pid of this server but a global one, where Citus is installed."""
    parts = [part.strip() for part in request.parameters["pid"].split(",")]
    numbers = [int(part) for part in parts if part.isascii() and part.isdigit()]
    return CITUS in request.server.facts.extensions and any(LARGEST_PID < number <= MOST for number in numbers)


async def candidates(server: Source, sessions: Sequence[Meant], cancel: bool) -> Snapshot:
    """The sessions with these global pids, and of each that may not be signalled why."""
    asked = asked_of(sessions)
    return await server.fetch("actions/cluster_candidates", {"gpids": asked.pop("pids"), **asked, "cancel": cancel})


async def signals(server: Source, found: Snapshot, cancel: bool) -> tuple[Step, ...]:
    """The statement that cancels or terminates these sessions."""
    asked = {
        "gpids": list(found.values("pid")),
        "started": list(found.values("backend_start")),
        "statements": list(found.values("query_start")),
        "transactions": list(found.values("xact_start")),
        "idles": list(found.values("idle_since")),
        "cancel": cancel,
        "open": open_transactions(found),
    }
    return steps_from_rows(await server.fetch("actions/cluster_signals", asked))


def open_transactions(found: Snapshot) -> int:
    """How many of the sessions have a transaction open."""
    return sum(age is not None for age in found.values("transaction_age"))

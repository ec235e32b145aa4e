"""Results of earlier load tests in the audit trail."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from console.model import Facts
from console.records import dataclass
from console.running.load.measured import EVENT
from console.running.progress import Run
from console.running.trail.audit import Trail

OWN = ("tag", "database")  # parameters that do not change the load


@dataclass(frozen=True, slots=True)
class EarlierLoad:
    """The result of one load test."""

    at: datetime
    result: Mapping[str, object]


def earlier(trail: Trail, run: Run, facts: Facts) -> EarlierLoad | None:
    """The last result in `trail` of another run on this database with the parameters of `run`; None: there is none.

    Raises Trouble(REFUSED) if the trail cannot be trusted.
    """
    found: EarlierLoad | None = None
    for entry in trail.entries():
        result, given = entry.get("result"), entry.get("parameters")
        if entry.get("event") != EVENT or entry.get("run") == run.id:
            continue
        if not isinstance(result, Mapping) or not isinstance(given, Mapping):
            continue
        if (entry.get("server"), entry.get("database")) != (facts.label, facts.database):
            continue
        if load_of(given) == load_of(run.plan.parameters):
            found = EarlierLoad(datetime.fromisoformat(str(entry["at"])), result)
    return found


def load_of(parameters: Mapping[object, object] | Mapping[str, str]) -> dict[object, object]:
    """The parameters that decide what load a test makes; those of before there was a choice had pgbench as driver."""
    return {"driver": "pgbench"} | {name: value for name, value in parameters.items() if name not in OWN}

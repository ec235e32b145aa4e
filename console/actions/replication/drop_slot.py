"""drop-slot: drops a replication slot that nobody uses, so that its WAL can be removed and VACUUM goes on."""

from __future__ import annotations

import re

from console.actions.needs import Needs, Right
from console.actions.planning import Action, Request, steps_from_rows
from console.format import one_line, safe
from console.model import Claim, Kind, Parameter, Plan, Trouble

LSN = re.compile(r"([0-9A-Fa-f]{1,8}/[0-9A-Fa-f]{1,8})?")
LOST = {
    "physical": "A standby that still needs this slot must be rebuilt once WAL that it has not received is removed.",
    "logical": "A subscriber that still needs this slot must copy its tables again.",
}


async def plan_drop_slot(request: Request) -> Plan:
    """pg_drop_replication_slot; refused while the slot is active or not what was seen, and without REPLICATION."""
    slot, seen = request.parameters["slot"], request.parameters["restart-lsn"].strip()
    if not LSN.fullmatch(seen):
        raise Trouble(Kind.USAGE, f"restart-lsn must be a position in the WAL such as 0/3000060, not {safe(seen, 40)}.")
    found = await request.server.fetch("actions/drop_slot", {"slot": slot, "restart_lsn": seen or None})
    steps = steps_from_rows(found)
    (kind,) = found.values("kind")
    name = one_line(slot)
    return Plan(
        Claim(f"replication slot {name}", name=name, cluster_wide=True),
        steps,
        (LOST[str(kind)],),
        summary=f"{kind} slot {name}",
        result=f"slot {name} dropped",
        destructive=True,
    )


DROP_SLOT = Action(
    name="drop-slot",
    title="Drop a replication slot",
    help="Drops an inactive replication slot, so that the server can remove its WAL and VACUUM the rows it holds back.",
    plan=plan_drop_slot,
    parameters=(
        Parameter("slot", "name of the replication slot", required=True),
        Parameter("restart-lsn", "its restart_lsn; a slot that was used or created again is not dropped", exact=True),
    ),
    row={"slot": "slot_name", "restart-lsn": "restart_lsn"},
    needs=Needs(Right.DROP_SLOTS, primary=False),
)

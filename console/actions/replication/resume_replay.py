"""resume-replay: resumes the replay of WAL on a standby where it is paused."""

from __future__ import annotations

from console.actions.needs import Needs, Right
from console.actions.planning import REPLICA, Action, Request, steps_from_query
from console.model import Claim, Parameter, Plan

LOWER = (
    "If the standby paused by itself because a setting such as max_connections is lower than on the primary, it shuts"
    " down when resumed: its server log says so."
)


async def plan_resume_replay(request: Request) -> Plan:
    """pg_wal_replay_resume; nothing if the replay is not paused.

    Raises Trouble(REFUSED) at a recovery target and without the right.
    """
    steps = await steps_from_query(request.server, "resume_replay")
    return Plan(
        Claim("replay of WAL", cluster_wide=True),
        steps,
        (LOWER,) if steps else (),
        summary="resume the replay of WAL",
        result="replay resumed",
    )


RESUME_REPLAY = Action(
    name="resume-replay",
    title="Resume replay on a standby",
    help="Resumes paused WAL replay. Runs on the standby: from the primary's console name the replica.",
    plan=plan_resume_replay,
    parameters=(Parameter(REPLICA, "name of a configured replica; empty: the server itself"),),
    row={REPLICA: "replica"},
    needs=Needs(Right.RESUME_REPLAY, primary=False, standby=True),
)

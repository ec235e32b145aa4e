"""resume-replay: resumes the replay of WAL on a standby where it is paused."""

from __future__ import annotations

from console.actions.needs import Needs, Right
from console.actions.planning import Action, Request, steps_from_query
from console.model import Claim, Plan

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
    help="Resumes paused WAL replay. Run it on the standby, not on the primary.",
    plan=plan_resume_replay,
    needs=Needs(Right.RESUME_REPLAY, primary=False, standby=True),
)

"""The queue of background jobs as actions see it: its table, with the rights of its owner."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from console.actions.confinement import confined, role_of, run_as
from console.actions.needs import Needs, Right
from console.actions.planning import refuse
from console.actions.relations import Relation
from console.model import Database, Kind, Source, Step, Trouble

TABLE = "public.background_jobs"
WORKER, CRON = "worker", "pg_cron"  # clocks: what queues the occurrences of recurring jobs; CRON is an extension
NEEDS = Needs(Right.OWN, lambda _: (TABLE,))


async def queue(server: Database) -> Source:
    """The server with the rights of the queue's owner. Raises Trouble(REFUSED) if there is no queue to work with."""
    found = await server.fetch("actions/job_table")
    for record in found.records():
        refuse(record)
        return await confined(server, Relation(int(str(record["oid"])), TABLE, str(record["kind"])))
    raise Trouble(Kind.REFUSED, f"There is no table {TABLE} in this database.", "apply-schema, or setup, creates it.")


def confined_steps(server: Source, steps: Sequence[Step]) -> tuple[Step, ...]:
    """The steps with the rights of the queue's owner.

    Their effect is then not asked for: that query would run with the rights of the session, whatever the owner has put
    in place of the table.
    """
    role = role_of(server)
    return run_as(role, [replace(step, expect="") for step in steps]) if role else tuple(steps)

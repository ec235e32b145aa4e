"""Keeps the plans of the statements that cost most, once a day: when one becomes slower, there is a plan of before.

They are planned as by the adviser: none is run, each with the rights of its own role, none that would run foreign code.
"""

from __future__ import annotations

import asyncio

from console.advising.workload import read_workload
from console.explaining.explain import present_plan
from console.explaining.kept import KeptPlans
from console.explaining.rights import planning_role
from console.model import Trouble
from console.sources.postgres import PostgresServer
from console.watching.store import target_key

DAY = 86_400.0


class UsualPlans:
    """The plans of one server."""

    def __init__(self, server: PostgresServer, kept: KeptPlans) -> None:
        self._server = server
        self._kept = kept
        self.trouble: Trouble | None = None  # why none could be kept last

    async def follow(self) -> None:
        """Keep them once a day, until this task is cancelled."""
        while True:
            left = DAY
            try:
                left = await self.keep_daily()
                self.trouble = None
            except Trouble as why:  # such as no pg_stat_statements: E says so too
                self.trouble = why
            await asyncio.sleep(left)

    async def keep_daily(self) -> float:
        """Keep them unless a console has done so within a day; seconds until they are due again. Raises Trouble."""
        key = target_key(await self._server.connect())
        passed = self._kept.seconds_since(key)
        if 0 <= passed < DAY:
            return DAY - passed
        await self.keep()
        self._kept.note_done(key)
        return DAY

    async def keep(self) -> int:
        """Plan the statements that cost most and keep how; how many. Raises Trouble."""
        server = self._server
        key = target_key(await server.connect())
        if not (server.facts.superuser or server.facts.assumed_by):
            await planning_role(server, "")
        async with server.explaining() as session:
            workload = await read_workload(server, session)
        for each in workload.examined:
            plan = present_plan(each.document, each.plan, each.question)
            await asyncio.to_thread(self._kept.keep, key, each.statement.fingerprint, plan)
        return len(workload.examined)

"""Counts who really queues behind the steps of a run, and compares that with what was forecast."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from console.forecast.forecasting import forecast_steps
from console.model import Database, Plan, Trouble
from console.running.progress import QueueCount, Run
from console.sources.postgres import ActingSession

FIRST_PERIOD, LONGEST_PERIOD = 0.05, 1.0  # seconds between two looks; longer in a long step
GROWTH = 1.2


async def count_queue(session: ActingSession, server: Database, run: Run, found: QueueCount) -> None:
    """Look who waits while a step of `run` has or requests a lock that blocks, until cancelled."""
    if not any(_blocks(run.plan, at) for at in range(len(run.steps))):
        return
    found.forecast = await _expected(server, run.plan)
    at, period = -1, FIRST_PERIOD
    while True:
        await asyncio.sleep(period)
        period = FIRST_PERIOD if run.at != at else min(LONGEST_PERIOD, period * GROWTH)
        at = run.at
        if _blocks(run.plan, at) and session.connected and not session.borrowed and run.silent_since is None:
            await _look(session.pid, server, found)


async def _look(pid: int, server: Database, found: QueueCount) -> None:
    try:
        rows = await server.fetch("actions/queue_behind", {"pid": pid})
    except Trouble:
        return  # whether the server answers is watched elsewhere
    for row in rows.records():
        found.waits[int(str(row["pid"])), float(str(row["since"]))] = float(str(row["seconds"]))


async def _expected(server: Database, plan: Plan) -> int | None:
    """How many may wait at the same time, from what used the tables since they were read for the plan."""
    if plan.traffic is None:
        return None
    try:
        steps, _ = await forecast_steps(server, plan.steps, plan.traffic)
    except Trouble:
        return None
    queues = [step.forecast.queue for step in steps if step.forecast is not None and step.forecast.queue is not None]
    return max((int(queue) + (queue > int(queue)) for queue in queues), default=None)


def _blocks(plan: Plan, at: int) -> bool:
    forecast = plan.steps[at].forecast if at < len(plan.steps) else None
    return forecast is not None and bool(forecast.blocks)


async def forecast_again(server: Database, plan: Plan) -> Plan:
    """The plan with what arrived since it was made, and with who is in the way now. Raises Trouble."""
    steps, _ = await forecast_steps(server, plan.steps, plan.traffic)
    return replace(plan, steps=steps)

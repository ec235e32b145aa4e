"""Plans statements when they became slower, once each time, and compares with the plans that were kept before.

They are planned as by the daily plans: none is run, each with the rights of its own role, none that would run foreign
code.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from datetime import datetime

from console.explaining.explain import Asked, explain
from console.explaining.kept import Former, KeptPlans
from console.explaining.plan import Node, node
from console.explaining.subject import Subject, find
from console.format import moment, one_line
from console.model import Database, Kind, Trouble
from console.records import dataclass
from console.sources.postgres import PostgresServer
from console.watching.slowed import Slowed
from console.watching.statement_hours import StatementId
from console.watching.store import target_key

AT_ONCE = 3  # statements that are planned in one look
MOST = 200  # steps whose plans are remembered

Step = tuple[StatementId, float]  # a statement, and when it became slower in seconds since 1970


@dataclass(frozen=True, slots=True)
class StepPlan:
    """How a statement was planned before a step, and how it is since."""

    change: str = ""  # in a few words; empty: none that is known
    then: str = ""
    now: str = ""


class StepPlans:
    """The plans of one server."""

    def __init__(self, server: Database, kept: KeptPlans) -> None:
        self._server = server
        self._kept = kept
        self._known: dict[Step, StepPlan] = {}

    def of(self, step: Step) -> StepPlan:
        """What is known of a step."""
        return self._known.get(step, StepPlan())

    async def look(self, slowed: Iterable[Slowed]) -> None:
        """Plan the first of those that were not planned yet. Raises Trouble(UNREACHABLE) if the server is gone."""
        if not isinstance(self._server, PostgresServer):
            return  # a recording plans nothing
        for each in [each for each in slowed if each.step not in self._known][:AT_ONCE]:
            try:
                self._known[each.step] = await self._planned(self._server, each)
            except Trouble as why:
                if why.kind is Kind.UNREACHABLE:
                    raise
                self._known[each.step] = StepPlan(now=f"Not planned: {one_line(why.sentence)}")
        for step in list(self._known)[:-MOST]:
            del self._known[step]

    async def _planned(self, server: PostgresServer, slowed: Slowed) -> StepPlan:
        queryid, userid, dbid, _ = slowed.key
        subject = Subject(queryid=queryid, userid=userid, dbid=dbid)
        target = target_key(await server.connect())
        found = await find(server, subject)
        formers = await asyncio.to_thread(self._kept.of, target, found.statement.fingerprint)
        role = slowed.user if server.facts.superuser or server.facts.assumed_by else ""
        explained = await explain(server, Asked(subject, role=role), self._kept, target)
        return _compared(formers, explained.plan, explained.how, explained.taken_at, slowed.seen)


def _compared(formers: Sequence[Former], plan: Node, how: str, at: datetime, seen: float) -> StepPlan:
    """The plan, and the last one that was there before the step."""
    now = f"{moment(at)}: {plan.shape}"
    then = next((each for each in formers if each.how == how and each.first.timestamp() <= seen), None)
    if then is None:
        return StepPlan(now=now)
    change = "" if then.shape == plan.shape else f"plan changed: {_difference(node(then.document), plan)}"
    return StepPlan(change, f"{moment(then.last)}: {then.shape}", now)


def _difference(then: Node, now: Node) -> str:
    """Which node came for which, those that read tables first."""
    former, present = _titles(then), _titles(now)
    gone = [each for each in former if each not in present]
    new = [each for each in present if each not in former]
    if not gone or not new:
        return f"without {gone[0]}" if gone else f"with {new[0]}" if new else "another order"
    return f"{gone[0]} → {new[0]}"


def _titles(plan: Node) -> list[str]:
    return [each.title for each in sorted(plan.walk(), key=lambda each: not (each.table or each.index))]

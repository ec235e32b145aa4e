"""One console without a front end: settings, sources, audit trail and runs.

The command line, the terminal interface and the tests plan, run, watch and stop actions through a Workspace.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from console.model import IndexHistory, Kind, Plan, Source, Trouble
from console.opening import sources_for
from console.running.progress import Run
from console.running.runs import Runs, Watch, ignore
from console.running.trail.audit import Trail, default_trail
from console.settings.config import Settings, Wanted
from console.sources.postgres import PostgresServer
from console.sources.registry import ADVICE, CAPACITY, CLOCK, PRIMARY, RULES, SEEN, SLOWER, WAITS, Sources

if TYPE_CHECKING:
    from console.actions.planning import Action
    from console.explaining.explain import Asked, ExplainedStatement
    from console.forecast.forecasting import AskedForecast
    from console.model import Diagnosis, Snapshot
    from console.model.forecast import Forecast
    from console.past.recorder import ReadingRecorder
    from console.watching.baselines import Baselines
    from console.watching.capacity import Capacity
    from console.watching.further import FurtherReads
    from console.watching.history import History
    from console.watching.observer import Observer
    from console.watching.slower import SlowerStatements
    from console.watching.store import Store
    from console.watching.waits import Waits

INCIDENT = 600.0  # seconds before an incident file is written that it holds
UNHEARD = 200  # answers that wait for the recorder, which is loaded after the first rows
UNREAD = 60.0  # seconds after the start in which nothing is read of statements and options that no pane shows
HISTORY, UNCHANGED = 15.0, 300.0  # seconds between two looks whether the findings have a new history; that it holds
UNSAMPLED = 600.0  # seconds after the start in which no sizes are sampled unless they are shown


class Workspace:
    """The sources and the runs of one console. Nothing connects, and no rule is loaded, before it is needed."""

    def __init__(
        self,
        settings: Settings,
        wanted: Wanted,
        sources: Sources | None = None,
        trail: Trail | None = None,
        *,
        spreads: bool = False,
    ) -> None:
        """With `spreads` the rules read little by little what they seldom need: a screen shows findings as they come.

        Raises Trouble(USAGE) if a URI in `wanted` cannot be parsed.
        """
        self.settings = settings
        self.wanted = wanted
        self.trail = trail or default_trail()
        self.runs: list[Run] = []  # oldest first
        self.sources = sources or sources_for(wanted, self.trail, self.runs, settings.refreshes)
        self.sources.add_later(RULES, self._findings)
        self.sources.add_later(CAPACITY, self._capacity_source)
        self.sources.add_later(WAITS, self._waits_source)
        self.sources.add_later(CLOCK, self._clock)
        self.sources.add_later(ADVICE, self._advice)
        self.sources.add_later(SLOWER, self._slower)
        self.sources.add_later(SEEN, self._seen)
        self._observer: Observer | None = None
        self._spreads = spreads
        self._heard_at: dict[tuple[str, str], float] = {}  # by source and query, on the monotonic clock
        self._heard: deque[tuple[Source, str, Mapping[str, object] | None, Snapshot | Trouble]] = deque(maxlen=UNHEARD)
        self._recorder: ReadingRecorder | None = None
        self._is_heard = sources is None  # what a recording answers is not recorded again
        if self._is_heard:
            self.sources.be_heard(self._hear)
        self._under_way = Runs(self.sources, wanted, self.trail, self.runs, self._expire)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def running(self) -> int:
        """How many runs have not ended."""
        return self._under_way.running

    @property
    def observer(self) -> Observer:
        """What evaluates all rules on this target."""
        if self._observer is None:
            from console.rules.diagnoses import DIAGNOSES  # noqa: PLC0415  most panes need no rule
            from console.watching.asks import applicable  # noqa: PLC0415
            from console.watching.history import History  # noqa: PLC0415

            rules = applicable(DIAGNOSES, self.sources.absent)
            self._observer = self.observing(rules, History(self._store, self.trail), spreads=self._spreads)
            self._observer.looked = self._hear_findings
        return self._observer

    @cached_property
    def baselines(self) -> Baselines:
        """What statements usually cost and which indexes there were on this target."""
        from console.watching.baselines import Baselines  # noqa: PLC0415  only what watches keeps them
        from console.watching.state import state_file  # noqa: PLC0415

        return Baselines(state_file(self.trail.path.parent, self.wanted.target), self.observer)

    def known_indexes(self) -> IndexHistory:
        """The indexes that the rules saw, here or in an earlier process."""
        from console.watching import state  # noqa: PLC0415  few ask

        seen = self._observer.indexes if self._observer is not None else None
        if seen is not None and seen.at is not None:
            return seen
        return state.load(state.state_file(self.trail.path.parent, self.wanted.target)).indexes

    @cached_property
    def capacity(self) -> Capacity:
        """What samples the sizes and limits of this target."""
        from console.watching.capacity import Capacity  # noqa: PLC0415  most panes need no samples

        return Capacity(self.sources, self._store)

    @cached_property
    def waits(self) -> Waits:
        """What samples the waits of the sessions of this target."""
        from console.watching.waits import Waits  # noqa: PLC0415  most panes need no samples

        return Waits(self.sources)

    @cached_property
    def slower(self) -> SlowerStatements:
        """What looks for statements that became slower on this target."""
        from console.explaining.kept import FOLDER, KeptPlans  # noqa: PLC0415  not before the first rows
        from console.watching.known_hours import KnownHours  # noqa: PLC0415
        from console.watching.slower import SlowerStatements  # noqa: PLC0415
        from console.watching.step_plans import StepPlans  # noqa: PLC0415

        plans = StepPlans(self.sources.postgres, KeptPlans(self.trail.path.with_name(FOLDER)))
        return SlowerStatements(self.sources.named(PRIMARY), self.recorder.readings, plans, KnownHours(self._store))

    @cached_property
    def further_reads(self) -> FurtherReads:
        """What reads for the past what neither a rule nor the screen reads."""
        from console.panes import PANES  # noqa: PLC0415  not before the first rows
        from console.watching.further import FurtherReads  # noqa: PLC0415

        return FurtherReads(self.sources, PANES, self._heard_at)

    @property
    def recorder(self) -> ReadingRecorder:
        """What keeps the readings of this target. Only what hears them all writes to its files."""
        if self._recorder is None:
            from console.past.recorder import ReadingRecorder  # noqa: PLC0415  the first rows do not wait for it
            from console.past.store import store_of  # noqa: PLC0415

            self._recorder = ReadingRecorder(store_of(self.trail.path.parent, self.wanted.target))
            while self._heard:
                self._recorder.hear(*self._heard.popleft())
        return self._recorder

    async def keep_readings(self) -> None:
        """Keep whatever is read, until this task is cancelled."""
        await self.recorder.keep()

    async def write_incident(
        self, path: Path, moment: float | None = None, plain: bool = False, began: float = math.inf
    ) -> str:
        """Write an incident file of what was read in the ten minutes until now, or until `moment`, and what came after.

        What was read from `began` on, in seconds since 1970, is in it however long that is. Returns what was written,
        in one sentence. Raises Trouble.
        """
        from console.past.incident import write_incident  # noqa: PLC0415  seldom used

        await self.recorder.flush()
        now = time.time()
        since = min((moment or now) - INCIDENT, began)
        readings = self.recorder.readings(moment or now)
        trail = [entry for entry in self.trail.entries() if _is_since(entry, since)]
        return await asyncio.to_thread(lambda: write_incident(path, readings, since, trail, plain=plain))

    async def keep_samples(self) -> None:
        """Sample the sizes and limits of this target and its statements, until this task is cancelled.

        Not at once: a console is opened when something is wrong, and sizes of thousands of tables are not free.
        """
        await asyncio.gather(
            self._later_samples(), self._follow_statements(), self._follow_history(), self.further_reads.follow()
        )

    async def _later_samples(self) -> None:
        await asyncio.sleep(UNSAMPLED)
        await asyncio.gather(self.capacity.follow(), self._keep_plans())

    async def _follow_statements(self) -> None:
        await asyncio.sleep(UNREAD)
        await self.slower.follow(self.sources.named(SLOWER))

    async def _follow_history(self) -> None:
        """Read the history of findings when it has changed, so that a later turn to the past finds it."""
        known, read = -1, -math.inf
        while True:
            await asyncio.sleep(HISTORY)
            history, now = self.observer.history, time.monotonic()
            if history is not None and (history.changes != known or now - read > UNCHANGED):
                known, read = history.changes, now
                with contextlib.suppress(Trouble):  # the view says so itself
                    await self.sources.named(RULES).fetch("finding_history")

    async def _keep_plans(self) -> None:
        from console.explaining.kept import FOLDER, KeptPlans  # noqa: PLC0415  not before the first rows
        from console.watching.usual_plans import UsualPlans  # noqa: PLC0415

        if isinstance(self.sources.postgres, PostgresServer):
            await UsualPlans(self.sources.postgres, KeptPlans(self.trail.path.with_name(FOLDER))).follow()

    def observing(
        self, diagnoses: Sequence[Diagnosis], history: History | None = None, *, spreads: bool = False
    ) -> Observer:
        """What evaluates `diagnoses` on this target, under this configuration; `history` keeps what they find."""
        from console.watching.journal import Journal  # noqa: PLC0415  most panes need no rule
        from console.watching.observer import Observer  # noqa: PLC0415

        settings = self.settings
        return Observer(
            *(self.sources, diagnoses, settings.thresholds, settings.refreshes, settings.partitions),
            journal=Journal(self._store, settings.blackouts),
            history=history,
            spreads=spreads,
        )

    def _hear(
        self, source: Source, query: str, parameters: Mapping[str, object] | None, answer: Snapshot | Trouble
    ) -> None:
        if not parameters:
            self._heard_at[source.name, query] = time.monotonic()
        if self._recorder is None:
            self._heard.append((source, query, parameters, answer))
        else:
            self._recorder.hear(source, query, parameters, answer)

    def _hear_findings(self) -> None:
        """Keep what the rules say, whether a pane shows it or not."""
        from console.watching.findings import snapshot  # noqa: PLC0415  most panes need no rule

        if self._is_heard and self.observer.unreachable is None:
            self._hear(self.sources.named(RULES), "findings", None, snapshot(self.observer.verdict, self.observer, 0.0))

    @property
    def _store(self) -> Store:
        from console.watching.store import NAME, Store  # noqa: PLC0415

        return Store(self.trail.path.with_name(NAME))

    def _findings(self) -> Source:
        from console.watching.findings import findings_source  # noqa: PLC0415  most panes need no rule

        return findings_source(self.observer, self.sources)

    def _advice(self) -> Source:
        from console.watching.advice import advice_source  # noqa: PLC0415  one view shows it

        return advice_source(self.sources.postgres)

    def _slower(self) -> Source:
        from console.watching.slower import slower_source  # noqa: PLC0415  one view shows it

        return slower_source(self.slower, self.sources.postgres)

    def _seen(self) -> Source:
        from console.watching.index_ages import seen_source  # noqa: PLC0415  one pane asks

        return seen_source(self.known_indexes)

    def _clock(self) -> Source:
        from console.watching.vacuum_clock import clock_source  # noqa: PLC0415  one view shows it

        return clock_source(self.sources.postgres)

    def _capacity_source(self) -> Source:
        from console.watching.capacity import capacity_source  # noqa: PLC0415  most panes need no samples

        return capacity_source(self.capacity, self.sources.postgres)

    def _waits_source(self) -> Source:
        from console.watching.waits import waits_source  # noqa: PLC0415  most panes need no samples

        return waits_source(self.waits, self.sources.postgres)

    async def plan(self, action: Action, parameters: Mapping[str, str]) -> Plan:
        """What `action` would do now. Raises Trouble."""
        from console.actions.planning import plan  # noqa: PLC0415  `show` plans nothing

        sources, wanted = self.sources, self.wanted
        return await plan(
            *(action, sources.postgres, parameters, self.settings),
            pooler=sources.pooler,
            replicas=sources.replicas,
            replica=sources.replica,
            redis=wanted.redis,
            poolers=wanted.poolers,
            indexes=self.known_indexes,
        )

    async def explain(self, asked: Asked) -> ExplainedStatement:
        """The plan of one statement and the indexes that pay for it. Raises Trouble if that is not to be had safely."""
        from console.advising.adviser import advise_statement  # noqa: PLC0415
        from console.explaining.explain import explain  # noqa: PLC0415  seldom used
        from console.explaining.kept import FOLDER, KeptPlans  # noqa: PLC0415
        from console.watching.store import target_key  # noqa: PLC0415

        server = self.sources.postgres
        if not isinstance(server, PostgresServer):
            raise Trouble(Kind.UNSUPPORTED, "A recording has no server that could plan a statement.")
        key = target_key(await server.connect())
        explained = await explain(server, asked, KeptPlans(self.trail.path.with_name(FOLDER)), key)
        return replace(explained, advice=await advise_statement(server, explained))

    async def forecast(self, asked: AskedForecast) -> Forecast:
        """Who will wait for a statement that is typed; it is not run. Raises Trouble."""
        from console.forecast.forecasting import forecast  # noqa: PLC0415  seldom used

        server = self.sources.postgres
        if not isinstance(server, PostgresServer):
            raise Trouble(Kind.UNSUPPORTED, "A recording has no server that could parse a statement.")
        return await forecast(server, asked)

    async def forecast_again(self, plan: Plan) -> Plan:
        """The plan with who will wait for its steps now, and what arrived since it was made. Raises Trouble."""
        from console.running.queue_count import forecast_again  # noqa: PLC0415  only a plan on the screen asks for it

        return await forecast_again(self.sources.postgres, plan)

    async def run(self, plan: Plan, watch: Watch = ignore, patience: float | None = None) -> Run:
        """Run `plan` to its end; `watch` is called on every progress. Raises Trouble(REFUSED) if the trail cannot
        be written.

        Cancelling the caller's task stops the run. `patience` is how long locks are retried, in seconds; None: the
        runner's default.
        """
        return await self._under_way.run(plan, watch, patience)

    def start(self, plan: Plan, ended: Watch, watch: Watch = ignore) -> Run:
        """Begin to run `plan` in the background; `ended` is called at its end, however it ends."""
        return self._under_way.start(plan, ended, watch)

    async def wait(self, run: Run) -> None:
        """Wait for the end of a run that was started. Cancelling the caller's task does not stop the run."""
        await self._under_way.wait(run)

    def stop(self, run_id: str) -> None:
        """Cancel what a run executes on the server; it ends as failed or stopped. Nothing happens after its end."""
        self._under_way.stop(run_id)

    def hurry(self) -> None:
        """Let runs that are being stopped leave to their next run what takes them long to clean up."""
        self._under_way.hurry()

    def stop_all(self) -> None:
        """Stop all runs, without waiting for their ends."""
        self._under_way.stop_all()

    async def close(self) -> None:
        """Stop all runs, wait for their ends, close the connections."""
        await self._under_way.close()
        await self.sources.close()

    def _expire(self) -> None:
        """Let the rules judge again what a run has changed."""
        if self._observer is not None:
            self._observer.expire()


def _is_since(entry: Mapping[str, object], since: float) -> bool:
    try:
        return datetime.fromisoformat(str(entry.get("at"))).timestamp() >= since
    except (ValueError, OverflowError):
        return False

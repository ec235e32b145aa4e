"""The state of each page: always read from the server, through the plans of the page's actions."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import field, replace
from enum import Enum

from console.actions import MODULES, action
from console.actions.planning import Request, complete, plan
from console.actions.pooler.write_pgbouncer_config import server_connections
from console.format import one_line, safe, sql_identifier
from console.model import Database, Kind, Plan, Trouble
from console.records import dataclass
from console.settings.config import Settings
from console.setup import situation
from console.setup.pages import PAGES, Page, Work
from console.setup.situation import Situation

TUNING = "tuning"
POOLER = next(page for page in PAGES if page.name == "pooler")
FIRST = PAGES[0].name  # all other pages depend on it
MEASURED = frozenset({"ram", "cores", "disk"})  # of the machine; without them a preset is postponed, not half applied


class Standing(Enum):
    """The state of a page in a word."""

    READ = "to read"
    DONE = "done"
    TODO = "to do"
    WAITS = "waits"  # for an earlier page
    CANNOT = "cannot"
    NOTHING = "not applicable"


@dataclass(frozen=True, slots=True)
class PageState:
    """The state of one page, and why."""

    standing: Standing
    sentence: str = ""
    remedy: str = ""
    kind: Kind | None = None  # of the trouble, if it cannot be done
    plans: tuple[Plan, ...] = ()  # with at least one step
    notes: tuple[str, ...] = ()
    left: tuple[str, ...] = ()  # those of the notes on what is skipped, and why
    works: tuple[Work, ...] = ()  # what each plan is for
    tried: tuple[Work, ...] = ()  # all work that was planned
    asks: tuple[str, ...] = ()  # parameters that could not be measured and were not given
    file: tuple[str, ...] = ()  # the lines of a file to install by hand

    @property
    def steps(self) -> int:
        """How many steps are left to run."""
        return sum(len(plan.steps) for plan in self.plans)

    @property
    def unmeasured(self) -> tuple[str, ...]:
        """Facts of the machine that are needed and unknown."""
        return tuple(name for name in self.asks if name in MEASURED)


@dataclass(frozen=True, slots=True)
class Guide:
    """The pages on one server; `parameters` are by page."""

    server: Database
    settings: Settings
    parameters: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    async def each(self) -> AsyncIterator[tuple[Page, PageState]]:
        """Every page, in order. Raises Trouble if the server does not answer."""
        now = await situation.read(self.server, self.settings)
        found: dict[str, PageState] = {}
        for page in pages():
            found[page.name] = await self.state(page, now, found)
            yield page, found[page.name]

    async def states(self) -> dict[str, PageState]:
        """Every page by name, in order. Raises Trouble if the server does not answer."""
        return {page.name: state async for page, state in self.each()}

    async def state(self, page: Page, now: Situation, former: Mapping[str, PageState]) -> PageState:
        """One page; `former` holds the earlier ones. Raises Trouble(UNREACHABLE)."""
        if not page.actions:
            return _read(page, now)
        unmet = [name for name in (FIRST, *page.after) if name in former and not _met(name, former[name])]
        if unmet:
            return PageState(Standing.WAITS, f"Needs the page {_title(unmet[0])} first.")
        works = tuple(self._with_own_parameters(page, work) for work in page.work(now) if work.action in MODULES)
        if not works:
            return PageState(Standing.NOTHING, page.idle)
        if page.name == TUNING:
            works = tuple([await self._with_pools(work) for work in works])
        if page.name == "schema" and not (now.may_create or now.owner):
            return _cannot_create(now)
        return await self._planned(works)

    async def plan(self, work: Work) -> Plan:
        """The plan for one piece of work now. Raises Trouble."""
        return await plan(action(work.action), self.server, work.parameters, self.settings)

    def _with_own_parameters(self, page: Page, work: Work) -> Work:
        accepted = {parameter.name for parameter in action(work.action).parameters}
        given = {**self.parameters.get(page.again, {}), **self.parameters.get(page.name, {})}
        own = {name: value for name, value in given.items() if name in accepted}
        return replace(work, parameters={**work.parameters, **own})

    async def _with_pools(self, work: Work) -> Work:
        """The tuning with the connections that the pooler's page will promise, so that max_connections has room."""
        if "pools" in work.parameters:
            return work
        chosen = action(POOLER.actions[0])
        try:
            given = complete(chosen, self.parameters.get(POOLER.name, {}))
            pools = await server_connections(Request(self.server, given, self.settings))
        except Trouble as why:
            if why.kind is Kind.UNREACHABLE:
                raise
            return work  # the pooler's page says what is wrong
        return replace(work, parameters={**work.parameters, "pools": str(pools)})

    async def _planned(self, works: tuple[Work, ...]) -> PageState:
        made: list[tuple[Work, Plan]] = []
        troubles: list[Trouble] = []
        for work in works:
            try:
                made.append((work, await self.plan(work)))
            except Trouble as why:
                if why.kind is Kind.UNREACHABLE:
                    raise
                troubles.append(why)
        todo = [(work, plan) for work, plan in made if plan.steps]
        notes = tuple(note for _, plan in made for note in plan.notes)
        sentence = " ".join(why.sentence for why in troubles)
        remedy = " ".join(why.remedy for why in troubles if why.remedy)
        asks = (name for _, plan in made for name in plan.asks)
        lacking = (name for why in troubles for name in why.lacks.parameters)
        standing = Standing.TODO if todo else Standing.CANNOT if troubles else Standing.DONE
        return PageState(
            standing,
            sentence,
            remedy,
            troubles[0].kind if troubles else None,
            tuple(plan for _, plan in todo),
            notes,
            tuple(dict.fromkeys(left for _, made_plan in made for left in made_plan.left)),
            tuple(work for work, _ in todo),
            works,
            tuple(dict.fromkeys((*asks, *lacking))),
        )


def pages() -> tuple[Page, ...]:
    """The pages that have at least one action, or none by design."""
    return tuple(page for page in PAGES if not page.actions or set(page.actions) & MODULES.keys())


def parameters(page: Page) -> tuple[str, ...]:
    """The parameters that `--set PAGE.parameter=value` accepts for a page."""
    known = [name for name in page.actions if name in MODULES]
    return tuple(dict.fromkeys(each.name for name in known for each in action(name).parameters))


def _title(name: str) -> str:
    return next(page.title for page in PAGES if page.name == name)


def _met(name: str, state: PageState) -> bool:
    """Whether later pages may be planned. Work for another role may have been done: the plans show it."""
    if state.standing is Standing.CANNOT:
        return name != FIRST and not next(page.essential for page in PAGES if page.name == name)
    return state.standing in {Standing.READ, Standing.DONE, Standing.NOTHING}


def _read(page: Page, now: Situation) -> PageState:
    facts = tuple(safe(line) for line in page.facts(now))
    if page.name != FIRST:
        return PageState(Standing.READ, notes=facts, file=page.file(now))
    if now.standby:
        return _stops("This server is a standby and read-only.", "Connect to its primary.", facts)
    if now.encoding != "UTF8":
        return _stops(
            f"Database {one_line(now.facts.database)} has encoding {now.encoding}, which cannot store all text of "
            "the pipeline.",
            "CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0 creates one that can.",
            facts,
        )
    return PageState(Standing.READ, notes=facts)


def _stops(sentence: str, remedy: str, notes: tuple[str, ...]) -> PageState:
    return PageState(Standing.CANNOT, sentence, remedy, Kind.UNSUPPORTED, notes=notes)


def _cannot_create(now: Situation) -> PageState:
    user = sql_identifier(now.facts.user)
    return PageState(
        Standing.CANNOT,
        f"{one_line(now.facts.user)} has no CREATE privilege on schema public.",
        f"GRANT CREATE ON SCHEMA public TO {one_line(user)}; -- or connect as a superuser, which creates the roles",
        Kind.DENIED,
    )

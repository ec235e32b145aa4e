"""`setup`: every page of the set-up guide in order, without a terminal; the exit code reports the outcome.

A page that this role, machine or server cannot do is reported with its remedy and skipped. If the pipeline database
does not work without it, the set-up ends there, with the exit code that `run` gives the same trouble.
"""

from __future__ import annotations

import asyncio
import sys
from argparse import Namespace
from collections.abc import Callable, Sequence
from dataclasses import field

from console.cli.interrupting import run_interruptible
from console.cli.plan_text import Ticker, ending
from console.cli.run import CODES, DONE, FAILED, GUARDS, REFUSED, STOPPED, stoppable
from console.cli.setup_options import SetupOptions, setup_options
from console.cli.setup_text import document, is_left, page_head, page_text, plans_text, result_text
from console.format import counted, safe_lines
from console.model import Kind, Outcome, Trouble, read_only
from console.records import dataclass
from console.running.progress import Run
from console.settings.config import Settings, Wanted
from console.setup import situation
from console.setup.guide import FIRST, Guide, PageState, Standing, pages
from console.setup.memory import RUN, GuideMemory
from console.setup.one_at_a_time import only_setup, require_lock
from console.setup.pages import Page, Work
from console.sources.postgres import ActingSession
from console.workspace import Workspace

Say = Callable[[str], None]
ROUNDS = 3  # a page whose plan is still not empty after so many runs has failed


@dataclass(slots=True)
class PageResult:
    """How one page went."""

    page: Page
    state: PageState
    skipped: str = ""  # why it was skipped
    runs: list[Run] = field(default_factory=list)
    code: int = DONE
    at_end: PageState | None = None  # after all pages, of one that was skipped or had work left

    @property
    def listed(self) -> tuple[Page, PageState, str, Sequence[Run]]:
        """What the list at the end takes: nothing that has been done meanwhile counts as left."""
        state = self.at_end or self.state
        left = is_left(state) or bool(state.left) or self.at_end is None
        return self.page, state, self.skipped if left else "", self.runs


@dataclass(frozen=True, slots=True)
class SetupEnd:
    """How the set-up ended."""

    outcome: Outcome | None
    message: str
    code: int


def setup(options: Namespace, settings: Settings, wanted: Wanted, say: Say) -> int:
    """Run the pages, or show them; returns the exit code. Raises Trouble(USAGE) before anything is read."""
    return run_interruptible(_setup(setup_options(options), settings, wanted, say))


async def _setup(asked: SetupOptions, settings: Settings, wanted: Wanted, say: Say) -> int:
    async with Workspace(settings, wanted) as workspace:
        postgres = workspace.sources.postgres
        await postgres.connect()
        guide = Guide(postgres, settings, asked.parameters)
        if asked.dry_run or not asked.confirmed or wanted.read_only:
            return await _shown(asked, guide, wanted)
        return await _Setup(asked, guide, workspace, say).run()


async def _shown(asked: SetupOptions, guide: Guide, wanted: Wanted) -> int:
    states = await guide.states()
    results = [PageResult(page, states[page.name]) for page in pages()]
    if asked.json:
        planned = [[Run.of(made) for made in result.state.plans] for result in results]
        for result, runs in zip(results, planned, strict=True):
            result.runs += runs
    else:
        for number, result in enumerate(results, 1):
            sys.stdout.write(page_head(number, len(results), result.page) + page_text(result.state))
            sys.stdout.write(plans_text(result.state))
    if asked.dry_run:
        return _ended(asked, results, guide, SetupEnd(None, "Dry run: nothing was changed.", DONE))
    why = (
        str(read_only())
        if wanted.read_only
        else "Not confirmed: nothing was changed. Run the guide at a terminal, or give --yes."
    )
    return _ended(asked, results, guide, SetupEnd(Outcome.REFUSED, why, REFUSED))


class _Setup:
    """One run of the set-up."""

    def __init__(self, asked: SetupOptions, guide: Guide, workspace: Workspace, say: Say) -> None:
        self._asked, self._guide, self._workspace, self._say = asked, guide, workspace, say
        self._memory = GuideMemory.of(workspace.sources.postgres.facts)
        self._results: list[PageResult] = []
        self._stopping = False

    async def run(self) -> int:
        """All pages; the exit code."""
        keeper = ActingSession(self._workspace.wanted.target, address=self._workspace.sources.postgres.facts.address)
        message = ""
        try:
            with stoppable(self._workspace, self._say_stopping, self._stop):
                await self._refuse_mistakes()
                async with only_setup(keeper):
                    await self._pages(keeper)
                    await self._read_again()
        except Trouble as why:
            if why.kind is Kind.USAGE:
                raise
            code, message = (REFUSED if why.kind in GUARDS else FAILED), str(why)
        except asyncio.CancelledError:
            code = FAILED
        else:
            code = max((result.code for result in self._results), default=DONE)
            code = REFUSED if REFUSED in {result.code for result in self._results} and code != STOPPED else code
            code = FAILED if code == DONE and self._stopping and len(self._results) < len(pages()) else code
        return self._end(code, message)

    def _end(self, code: int, message: str) -> int:
        changed = any(run.outcome in {Outcome.DONE, Outcome.STOPPED} for result in self._results for run in result.runs)
        if changed and code in {FAILED, REFUSED}:
            code = STOPPED
        stopped = self._stopping and code in {FAILED, STOPPED}
        message = message or ("Stopped on request." if stopped else "")
        outcome = next(each for each, number in CODES.items() if number == code)
        if code == DONE and not changed:
            outcome = Outcome.NOTHING
        text = {
            Outcome.DONE: "The set-up is done.",
            Outcome.NOTHING: "There is nothing to do.",
            Outcome.STOPPED: "The set-up is incomplete: what is left is listed above; the same command resumes it.",
            Outcome.FAILED: "Nothing was changed." if stopped else "The set-up failed; nothing was changed.",
            Outcome.REFUSED: "The set-up was refused.",
        }[outcome]
        self._show(result_text(result.listed for result in self._results))
        left = [result.page.title for result in self._results if not result.skipped and is_left(result.listed[1])]
        if left and code == DONE:
            begun = "The set-up has ended." if changed else "Nothing more can be done here."
            text = f"{begun} Not done: {', '.join(left)}; see above."
        return _ended(self._asked, self._results, self._guide, SetupEnd(outcome, f"{message} {text}".strip(), code))

    async def _refuse_mistakes(self) -> None:
        """Raises Trouble(USAGE) for a value that its action refuses, before anything runs."""
        async for page, state in self._guide.each():
            if state.kind is Kind.USAGE and page.name in self._asked.parameters:
                raise Trouble(Kind.USAGE, state.sentence, state.remedy)

    async def _pages(self, keeper: ActingSession) -> None:
        known = pages()
        former: dict[str, PageState] = {}
        for number, page in enumerate(known, 1):
            await require_lock(keeper)
            self._show(page_head(number, len(known), page))
            result = await self._page(page, former)
            if result.skipped:
                continue
            former[page.name] = result.state
            if self._stopping or _ends_all(result):
                return

    async def _read_again(self) -> None:
        """Read the state of what is left once more: a later page or another session may have done it."""
        if self._stopping:
            return
        now = await situation.read(self._guide.server, self._guide.settings)
        former: dict[str, PageState] = {}
        for result in self._results:
            state = result.state
            if result.skipped or is_left(state) or state.left:
                result.at_end = state = await self._guide.state(result.page, now, former)
            if not result.skipped:
                former[result.page.name] = state

    async def _page(self, page: Page, former: dict[str, PageState]) -> PageResult:
        why = self._skipped(page)
        result = PageResult(page, PageState(Standing.NOTHING), why)
        self._results.append(result)
        if why:
            self._show(f"  skipped: {why}\n")
            return result
        for _ in range(ROUNDS):
            now = await situation.read(self._guide.server, self._guide.settings)
            result.state = await self._guide.state(page, now, former)
            if result.state.standing is not Standing.TODO or result.state.unmeasured or not await self._work(result):
                break
        self._judge(result)
        return result

    async def _work(self, result: PageResult) -> bool:
        """Run the work of the page, each piece with a fresh plan. Returns whether all of it succeeded."""
        self._show(page_text(result.state))
        for work in result.state.works:
            run = await self._carry_out(work)
            result.runs.append(run)
            result.code = max(result.code, CODES[run.outcome or Outcome.FAILED])
            self._show("".join(f"  {line}\n" for line in ending(run, self._workspace.wanted.options).splitlines()))
            if result.code != DONE or self._stopping:
                return False
        self._remember(result.page)
        return True

    async def _carry_out(self, work: Work) -> Run:
        made = await self._guide.plan(work)
        ticker = Ticker(sys.stderr)
        try:
            return await self._workspace.run(made, ticker)
        finally:
            ticker.end()

    def _judge(self, result: PageResult) -> None:
        """Report the page, and what it means for the exit code."""
        state = result.state
        if result.code != DONE:
            return
        if state.standing is Standing.TODO and not state.unmeasured:
            result.code = STOPPED if result.runs else FAILED
            self._show(f"  failed: {counted(state.steps, 'step')} still to do after running it.\n")
            return
        if not result.runs or state.standing is not Standing.DONE:
            self._show(page_text(state, later=bool(state.unmeasured)))
        if state.standing is Standing.CANNOT and (result.page.essential or result.page.name == FIRST):
            result.code = REFUSED if state.kind in GUARDS else FAILED

    def _skipped(self, page: Page) -> str:
        names = [name for name in (page.name, page.again) if name]
        if self._asked.skip.intersection(names):
            return "by --skip"
        before = next(filter(None, map(self._memory.read().skipped, names)), None)
        return f"in the guide, on {before.at:%Y-%m-%d}; run the page there to change that" if before else ""

    def _remember(self, page: Page) -> None:
        try:
            self._memory.decide(page.name, RUN)
        except Trouble as why:
            self._say(str(why))

    def _show(self, text: str) -> None:
        if not self._asked.json:
            sys.stdout.write(safe_lines(text, len(text)))
            sys.stdout.flush()

    def _say_stopping(self, sentence: str) -> None:
        sys.stderr.write(f"\n{sentence}\n")
        sys.stderr.flush()

    def _stop(self) -> None:
        self._stopping = True


def _ends_all(result: PageResult) -> bool:
    """Whether no later page is tried: a run failed, or the connection serves no page. A refused page ends nothing."""
    failed = result.page.essential and bool(result.runs) and result.state.standing is Standing.TODO
    return result.code != DONE and (failed or result.page.name == FIRST)


def _ended(asked: SetupOptions, results: Sequence[PageResult], guide: Guide, end: SetupEnd) -> int:
    if asked.json:
        shown = [(result.page, result.state, result.skipped, result.runs) for result in results]
        sys.stdout.write(document(guide.server.facts, end.outcome, end.message, shown))
    (sys.stdout if end.code == DONE and not asked.json else sys.stderr).write(f"{safe_lines(end.message)}\n")
    return end.code

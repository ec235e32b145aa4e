"""The set-up guide: pages on the left, the current page with every statement it would run on the right."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from textual import work
from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from console.actions import action
from console.format import one_line, safe
from console.keys import Place
from console.model import Outcome, Trouble
from console.running.progress import Run
from console.setup.guide import Guide, PageState, Standing, pages
from console.setup.memory import RUN, Decisions, Memory
from console.setup.pages import Page
from console.tui.action_flow import ActionFlow
from console.tui.bindings import bindings
from console.tui.footer import KeyLine
from console.tui.plan_dialog import ParameterDialog
from console.tui.setup_text import option_text, page_content, word
from console.workspace import Workspace

TELL_PERIOD = 0.5
RUNS = "setup-run"


class SetupScreen(ModalScreen[None]):
    """The guide for one database. The server knows what is done; only skip and later are remembered."""

    BINDINGS = bindings(Place.SETUP)

    def __init__(self, workspace: Workspace, flow: ActionFlow) -> None:
        super().__init__()
        self._workspace = workspace
        self._flow = flow
        self._given: dict[str, Mapping[str, str]] = {}
        self._pages = pages()
        self._states: dict[str, PageState] = {}
        self._memory: Memory | None = None
        self._decisions = Decisions()
        self._trouble: Trouble | None = None
        self._going: Run | None = None

    def compose(self) -> ComposeResult:
        """The database on top, the list of pages, the current page, the keys."""
        yield Static(classes="head", markup=False)
        with Horizontal():
            yield OptionList(*(Option(self._label(page), id=page.name) for page in self._pages), classes="pages")
            with VerticalScroll(classes="page", can_focus=False):
                yield Static(classes="body", markup=False)
        yield Static(classes="progress", markup=False)
        yield KeyLine()

    def on_mount(self) -> None:
        """Read all states, and open the first page with work to do."""
        self.query_one(OptionList).focus()
        self.query_one(OptionList).highlighted = 0
        self.set_interval(TELL_PERIOD, self._tell_progress)
        self.read(begin=True)

    # What is known

    @work(exclusive=True, group="setup-read", exit_on_error=False)
    async def read(self, begin: bool = False) -> None:
        """Read the state of every page from the server."""
        server = self._workspace.sources.postgres
        self._trouble = None
        try:
            self._memory = Memory.of(await server.connect())
            self._decisions = self._memory.read()
            async for page, state in Guide(server, self._workspace.settings, self._given).each():
                self._states[page.name] = state
                self._show()
        except Trouble as why:
            self._trouble = why
            self._show()
        else:
            if begin:
                self._turn_to_work()

    def _turn_to_work(self) -> None:
        for at, page in enumerate(self._pages):
            if self._word(page) == Standing.TODO.value:
                self.query_one(OptionList).highlighted = at
                return

    def _word(self, page: Page) -> str:
        return word(page, self._states.get(page.name), self._decisions)

    @property
    def _page(self) -> Page:
        return self._pages[self.query_one(OptionList).highlighted or 0]

    # What is shown

    def _label(self, page: Page) -> Content:
        return option_text(self._word(page), page.title)

    def _show(self) -> None:
        options = self.query_one(OptionList)
        for page in self._pages:
            options.replace_option_prompt(page.name, self._label(page))
        self._show_head()
        self._show_page()

    def _show_head(self) -> None:
        facts = self._workspace.sources.postgres.known
        where = f"{one_line(facts.database)} at {one_line(facts.place)}" if facts else "not connected"
        done = sum(state.standing in {Standing.DONE, Standing.NOTHING} for state in self._states.values())
        of = sum(bool(page.actions) for page in self._pages)
        self.query_one(".head", Static).update(
            Content.assemble((" Set-up guide ", "bold $accent"), f" {where} · {done} of {of} pages done")
        )

    def _show_page(self) -> None:
        page = self._page
        room = max(20, self.query_one(".page").size.width - 4)
        shown = page_content(page, self._states.get(page.name), self._word(page), self._trouble, room)
        self.query_one(".body", Static).update(shown)

    def _tell_progress(self) -> None:
        line = self.query_one(".progress", Static)
        run = self._going
        line.display = run is not None
        if run is not None and run.steps:
            one = run.steps[run.at]
            said = one.message or one.step.note
            text = f" {run.plan.action}: step {run.at + 1} of {len(run.steps)} {one.status} {one_line(said)} · x stop"
            line.update(Content(safe(text, self.size.width)))

    def on_option_list_option_highlighted(self) -> None:
        """Show the highlighted page."""
        self._show_page()
        self.query_one(".page", VerticalScroll).scroll_home(animate=False)

    def on_resize(self) -> None:
        """Draw the table of a plan at its new width."""
        self.call_after_refresh(self._show_page)

    # Keys

    def on_option_list_option_selected(self) -> None:
        """Enter, or a click on the current page, runs it."""
        self.action_run()

    def action_move(self, step: int) -> None:
        """The next page, or the one before."""
        options = self.query_one(OptionList)
        at = (options.highlighted or 0) + step
        if 0 <= at < len(self._pages):
            options.highlighted = at

    def action_scroll_page(self, pages_: int) -> None:
        """Scroll the page."""
        body = self.query_one(".page", VerticalScroll)
        body.scroll_relative(y=pages_ * max(1, body.size.height - 1), animate=False)

    def action_update(self) -> None:
        """Read all states again."""
        self.read()

    def action_decide(self, choice: str) -> None:
        """Skip or postpone the page, and go to the next."""
        page = self._page
        if page.actions and self._kept(lambda memory: memory.decide(page.name, choice)):
            self._show()
            self.action_move(1)

    def action_parameters(self) -> None:
        """Ask for the parameters of the page."""
        if not self._runs():
            self._ask_alone()

    def action_run(self) -> None:
        """Run the work of the page: one plan after the other, each shown first."""
        state = self._states.get(self._page.name)
        if state is not None and not self._runs() and not self._refuses(self._page, state):
            self._run_page(self._page, state)

    @work(exclusive=True, group=RUNS, exit_on_error=False)
    async def _ask_alone(self) -> None:
        await self._ask()

    @work(exclusive=True, group=RUNS, exit_on_error=False)
    async def _run_page(self, page: Page, state: PageState) -> None:
        if state.asks and page.name not in self._given and not await self._ask():
            return
        if await self._carry_out(page):
            self._kept(lambda memory: memory.decide(page.name, RUN))
            self.read(begin=True)
        else:
            self.read()

    def action_stop(self) -> None:
        """Stop the run; running the page again resumes it."""
        if self._going is not None:
            self._workspace.stop(self._going.id)

    def action_leave(self) -> None:
        """Back to the console; the guide is not offered again."""
        if not self._decisions.declined:
            self._kept(Memory.decline)
        self.dismiss()

    # Running

    def _runs(self) -> bool:
        """Whether a page is running: another worker of its group would cancel it."""
        if any(one.group == RUNS and one.is_running for one in self.workers):
            self._say("A page is already running.")
            return True
        return False

    def _refuses(self, page: Page, state: PageState) -> bool:
        if self._workspace.wanted.read_only:
            self._say("The console is read-only.")
        elif state.standing is not Standing.TODO and not state.asks:
            self._say(
                state.sentence or ("There is nothing to do." if page.actions else "This page has nothing to run.")
            )
        else:
            return False
        return True

    async def _ask(self) -> bool:
        """Ask for parameters and plan again. Returns whether they were given."""
        page, state = self._page, self._states.get(self._page.name)
        chosen = action(state.tried[0].action) if state and len(state.tried) == 1 else None
        if state is None or chosen is None or not chosen.parameters:
            self._say("This page has no parameters.")
            return False
        known = {**state.tried[0].given}
        answer = await self.app.push_screen_wait(ParameterDialog(chosen, known))
        if answer is None:
            return False
        self._given[page.name] = {name: value for name, value in answer.items() if known.get(name) != value}
        self.read()
        return True

    async def _carry_out(self, page: Page) -> bool:
        """Run each piece of work of the page. Returns whether all of it was done."""
        guide = Guide(self._workspace.sources.postgres, self._workspace.settings, self._given)
        try:
            state = (await guide.states())[page.name]
            if not state.works:  # the parameters given meanwhile leave nothing to run
                self._say(state.sentence or "There is nothing to do.")
                return False
            for each in state.works:
                run = await self._flow.perform(action(each.action), each.given, self._begun)
                if run is None or run.outcome is not Outcome.DONE:
                    return False
        except Trouble as why:
            self._say(str(why))
            return False
        finally:
            self._going = None
        return True

    def _begun(self, run: Run) -> None:
        self._going = run

    def _kept(self, write: Callable[[Memory], None]) -> bool:
        """Save a decision. Returns whether that was possible."""
        if self._memory is None:
            return False
        try:
            write(self._memory)
        except Trouble as why:
            self._say(str(why))
            return False
        self._decisions = self._memory.read()
        return True

    def _say(self, sentence: str) -> None:
        self.notify(safe(sentence), timeout=8, markup=False)

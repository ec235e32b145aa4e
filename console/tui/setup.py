"""The set-up guide: pages on the left, the current page with every statement it would run on the right."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from textual import work
from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from console.actions import action
from console.format import counted, one_line, safe
from console.keys import Place, all_keys
from console.model import Kind, Outcome, Trouble, read_only
from console.running.progress import Run
from console.setup.guide import PageState, Standing
from console.setup.memory import RUN, GuideMemory
from console.setup.pages import Page, Work
from console.tui.action_dialogs import ParameterDialog
from console.tui.action_flow import ActionFlow
from console.tui.bindings import bindings
from console.tui.dialogs import TextDialog
from console.tui.footer import KeyLine
from console.tui.guide_pages import GuidePages
from console.tui.help import guide_help
from console.tui.key_guard import SEEN, KeyGuard, answer
from console.tui.setup_text import option_text
from console.workspace import Workspace

PROGRESS_PERIOD = 0.5


class SetupScreen(ModalScreen[None]):
    """The guide for one database. The server knows what is done; only skip and later are remembered."""

    BINDINGS = bindings(Place.SETUP)

    def __init__(
        self, workspace: Workspace, flow: ActionFlow, begin: Callable[[Callable[[], Awaitable[object]]], None]
    ) -> None:
        """`begin` carries out a flow of dialogs, which takes every key from then on."""
        super().__init__()
        self.guard = KeyGuard(SEEN)
        self._begin = begin
        self._workspace = workspace
        self._flow = flow
        self._known = GuidePages(workspace)
        self._going: Run | None = None

    def compose(self) -> ComposeResult:
        """The database on top, the list of pages, the current page, the keys."""
        yield Static(classes="head", markup=False)
        with Horizontal():
            yield OptionList(*(Option(self._label(page), id=page.name) for page in self._known.pages), classes="pages")
            with VerticalScroll(classes="page", can_focus=False):
                yield Static(classes="body", markup=False)
        yield Static(classes="progress", markup=False)
        yield KeyLine()

    def on_mount(self) -> None:
        """Read all states, and open the first page with work to do, or the last."""
        self.query_one(OptionList).focus()
        self.query_one(OptionList).highlighted = 0
        self.call_after_refresh(self.guard.shown)
        self.set_interval(PROGRESS_PERIOD, self._show_progress)
        self.read(begin=True)

    def on_screen_resume(self) -> None:
        """Ignore keys that were meant for the dialog above."""
        self.guard.shown()

    # What is known

    @work(exclusive=True, group="setup-read", exit_on_error=False)
    async def read(self, begin: bool = False) -> None:
        """Read the state of every page. `begin`: then turn to the first page with work to do, or the last.

        Whoever has turned to another page meanwhile stays there: the next key is for the page that is being read.
        """
        page_before = self._page
        try:
            async for _ in self._known.read():
                self._show()
        except Trouble:
            self._show()
        else:
            if begin and self._page is page_before:
                self.query_one(OptionList).highlighted = self._known.first_to_do()

    @property
    def _page(self) -> Page:
        return self._known.pages[self.query_one(OptionList).highlighted or 0]

    # What is shown

    def _label(self, page: Page) -> Content:
        return option_text(self._known.word(page), page.title)

    def _show(self) -> None:
        options = self.query_one(OptionList)
        for page in self._known.pages:
            options.replace_option_prompt(page.name, self._label(page))
        self.query_one(".head", Static).update(self._known.heading())
        self._show_page()

    def _show_page(self) -> None:
        self.query_one(".body", Static).update(self._page_text())

    def _page_text(self) -> Content:
        return self._known.text(self._page, max(20, self.query_one(".page").size.width - 4))

    def _show_progress(self) -> None:
        line = self.query_one(".progress", Static)
        run = self._going
        line.display = run is not None
        if run is not None and run.steps:
            progress = run.steps[run.at]
            message = progress.message or progress.step.note
            at = f"step {run.at + 1} of {len(run.steps)} {progress.status}"
            text = f" {run.plan.action}: {at} {one_line(message)} · x stop"
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
        """Enter, or a click on the current page, plans it."""
        self.action_run()

    def action_move(self, step: int) -> None:
        """The next page, or the one before."""
        options = self.query_one(OptionList)
        at = (options.highlighted or 0) + step
        if 0 <= at < len(self._known.pages):
            options.highlighted = at

    def action_move_to(self, page: int) -> None:
        """The first or the last page."""
        self.query_one(OptionList).highlighted = page if page >= 0 else len(self._known.pages) - 1

    def action_help(self) -> None:
        """What the page does, and the keys of the guide."""
        keys = all_keys(self._workspace.settings.keymap)
        self.app.push_screen(TextDialog("Help: Set-up guide", guide_help(self._page, keys)))

    def action_copy(self) -> None:
        """Copy the page with its statements over the terminal (OSC 52)."""
        text = self._page_text().plain
        self.app.copy_to_clipboard(text)
        self._say(f"Copied {len(text)} characters.")

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
        if not self._is_running():
            self._begin(self._ask)

    def action_run(self) -> None:
        """Plan the work of the page, show the plan, and run it if it is confirmed."""
        page, state = self._page, self._known.state(self._page)
        if state is not None and not self._is_running() and not self._refuses(page, state):
            self._begin(lambda: self._run_page(page, state))

    def action_stop(self) -> None:
        """Stop the run; running the page again resumes it."""
        if self._going is not None:
            self._workspace.stop(self._going.id)

    def action_leave(self) -> None:
        """Back to the console; the guide is not offered again."""
        if not self._known.decisions.declined:
            self._kept(GuideMemory.decline)
        answer(self)

    # Running

    def _is_running(self) -> bool:
        if self._going is not None:
            self._say("A page is already running.")
        return self._going is not None

    def _refuses(self, page: Page, state: PageState) -> bool:
        if self._workspace.wanted.read_only:
            self._refuse(page, read_only())
        elif state.standing is Standing.TODO or state.asks:
            return False
        elif state.standing is Standing.CANNOT:
            self._refuse(page, Trouble(state.kind or Kind.REFUSED, state.sentence, state.remedy))
        else:
            text = state.sentence or ("There is nothing to do." if page.actions else "This page has nothing to run.")
            self._begin(lambda: self._flow.explain(page.title, text))
        return True

    def _refuse(self, page: Page, why: Trouble) -> None:
        self._begin(lambda: self._flow.refuse(page.title, why))

    async def _ask(self) -> bool:
        """Ask for parameters and plan again. Returns whether they were given."""
        page, state = self._page, self._known.state(self._page)
        chosen = action(state.tried[0].action) if state and len(state.tried) == 1 else None
        if state is None or chosen is None or not chosen.parameters:
            self._say("This page has no parameters.")
            return False
        known = {**state.tried[0].parameters}
        answer = await self._flow.ask(ParameterDialog(chosen, known))
        if answer is None:
            return False
        self._known.parameters[page.name] = {name: value for name, value in answer.items() if known.get(name) != value}
        self.read()
        return True

    async def _run_page(self, page: Page, state: PageState) -> None:
        if state.asks and page.name not in self._known.parameters and not await self._ask():
            return
        self._flow.show_planning(page.title)
        try:
            state = await self._known.plan(page)
        except Trouble as why:
            await self._flow.refuse(page.title, why)
        else:
            if state.works:
                await self._start(page, state.works)
            else:  # with the parameters entered there is nothing to run
                await self._flow.explain(page.title, state.sentence or "There is nothing to do.")

    async def _start(self, page: Page, works: tuple[Work, ...]) -> None:
        """Start the first piece of work if its plan is confirmed; the others follow, each with a plan of its own."""
        run = await self._flow.plan_and_start(action(works[0].action), works[0].parameters)
        if run is None:
            self.read()
        else:
            self._going = run
            self._follow(page, run, works[1:])

    @work(group="setup-run", exit_on_error=False)
    async def _follow(self, page: Page, run: Run, works: tuple[Work, ...]) -> None:
        """Wait for the end of a run. The next plan is shown only if its page is still open."""
        await self._workspace.wait(run)
        self._going = None
        if run.outcome is not Outcome.DONE:
            self.read()
        elif not works:
            self._kept(lambda memory: memory.decide(page.name, RUN))
            self.read(begin=self.is_active and self._page is page)
        elif self.is_active and self._page is page:
            self._begin(lambda: self._start(page, works))
        else:
            self.read()
            self._say(f"{page.title}: {counted(len(works), 'plan')} left. Open the page to go on.")

    def _kept(self, write: Callable[[GuideMemory], None]) -> bool:
        """Save a decision. Returns whether that was possible."""
        try:
            return self._known.keep(write)
        except Trouble as why:
            self._say(str(why))
            return False

    def _say(self, sentence: str) -> None:
        self.notify(safe(sentence), timeout=8, markup=False)

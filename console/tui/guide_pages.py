"""What the set-up guide knows of its pages: their states on the server, and what was decided and entered for them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping

from textual.content import Content

from console.format import one_line
from console.model import Trouble
from console.setup.guide import Guide, PageState, Standing, pages
from console.setup.memory import Decisions, GuideMemory
from console.setup.pages import Page
from console.tui.setup_text import page_content, word
from console.workspace import Workspace


class GuidePages:
    """The pages of the guide for one database."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._memory: GuideMemory | None = None
        self._trouble: Trouble | None = None  # why the last read failed
        self.pages = pages()
        self.states: dict[str, PageState] = {}  # by the name of the page
        self.parameters: dict[str, Mapping[str, str]] = {}  # those that were entered, by the name of the page
        self.decisions = Decisions()

    async def read(self) -> AsyncIterator[None]:
        """Read the decisions and the state of every page; yields after each page. Raises the Trouble it remembers."""
        self._trouble = None
        try:
            self._memory = GuideMemory.of(await self._workspace.sources.postgres.connect())
            self.decisions = self._memory.read()
            async for page, state in self._guide().each():
                self.states[page.name] = state
                yield
        except Trouble as why:
            self._trouble = why
            raise

    async def plan(self, page: Page) -> PageState:
        """The state of one page as it is now, with its plans. Raises Trouble."""
        return (await self._guide().states())[page.name]

    def state(self, page: Page) -> PageState | None:
        """The state of a page as it was read last; None: not yet."""
        return self.states.get(page.name)

    def word(self, page: Page) -> str:
        """The state of a page in a word."""
        return word(page, self.state(page), self.decisions)

    def first_to_do(self) -> int:
        """The position of the first page with work to do; without any, of the last page, which says what is left."""
        todo = (at for at, page in enumerate(self.pages) if self.word(page) == Standing.TODO.value)
        return next(todo, len(self.pages) - 1)

    def heading(self) -> Content:
        """The database, and how many pages are done."""
        facts = self._workspace.sources.postgres.known
        where = f"{one_line(facts.database)} at {one_line(facts.place)}" if facts else "not connected"
        done = sum(state.standing in {Standing.DONE, Standing.NOTHING} for state in self.states.values())
        of = sum(bool(page.actions) for page in self.pages)
        return Content.assemble((" Set-up guide ", "bold $accent"), f" {where} · {done} of {of} pages done")

    def text(self, page: Page, width: int) -> Content:
        """A page with every statement that it would run, in lines of `width` cells."""
        return page_content(page, self.state(page), self.word(page), self._trouble, width)

    def keep(self, write: Callable[[GuideMemory], None]) -> bool:
        """Save a decision; whether there is a place for it. Raises Trouble if it cannot be written."""
        if self._memory is None:
            return False
        write(self._memory)
        self.decisions = self._memory.read()
        return True

    def _guide(self) -> Guide:
        return Guide(self._workspace.sources.postgres, self._workspace.settings, self.parameters)

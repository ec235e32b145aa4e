"""The console itself as a source: what it knows without a server, such as its runs and its audit trail."""

from __future__ import annotations

import os
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import UTC, datetime
from functools import cached_property

from console.format import one_line
from console.model import Facts, Row, Snapshot, Trouble
from console.records import dataclass
from console.sources.derived import no_query

Parameters = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Answer:
    """What answers one query of the console."""

    fetch: Callable[[Parameters], Awaitable[Snapshot]]  # raises Trouble
    text: Callable[[], str]  # what is shown as its statement


class ConsoleSource:
    """Answers named queries from functions that it is given. Needs no connection."""

    retry_in = 0.0

    def __init__(
        self,
        answers: Callable[[], Mapping[str, Answer]],
        user: str = "",
        name: str = "console",
        at_hand: Mapping[str, Answer] | None = None,
    ) -> None:
        """`answers` is called when one that is not `at_hand` is asked for; `user` is that of the operating system."""
        self.name = name
        self._make = answers
        self._at_hand = at_hand or {}
        self._user = user

    @cached_property
    def _answers(self) -> Mapping[str, Answer]:
        return self._make()

    @property
    def label(self) -> str:
        """This machine."""
        return one_line(os.uname().nodename)

    @property
    def facts(self) -> Facts:
        """This machine and its user."""
        return Facts(kind="console", version=0, version_text="", label=self.label, user=self._user)

    async def learn(self) -> Facts:
        """The facts, which do not change."""
        return self.facts

    async def fetch(self, query: str, parameters: Parameters | None = None) -> Snapshot:
        """The rows of one answer. Raises Trouble."""
        return await self._answer(query).fetch(parameters or {})

    def text(self, query: str) -> str:
        """Where the answer comes from."""
        return self._answer(query).text()

    def obstacle(self, query: str) -> Trouble | None:
        """That there is no such query."""
        return None if query in self._at_hand or query in self._answers else _unknown(query)

    async def close(self) -> None:
        """There is nothing to close: the servers behind it are closed by their owner."""

    def _answer(self, query: str) -> Answer:
        if (found := self._at_hand.get(query) or self._answers.get(query)) is None:
            raise _unknown(query)
        return found


def table(query: str, columns: tuple[str, ...], rows: Callable[[Parameters], Iterable[Row]], comes_from: str) -> Answer:
    """The answer of a plain function. `comes_from` is one sentence."""

    async def fetch(parameters: Parameters) -> Snapshot:
        began = time.monotonic()
        found = tuple(rows(parameters))
        now = time.monotonic()
        return Snapshot(query, columns, found, datetime.now(UTC), now - began, now)

    return Answer(fetch, lambda: f"-- {comes_from}")


def _unknown(query: str) -> Trouble:
    return no_query(query, "for the console itself")

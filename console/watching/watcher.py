"""Watches one target: evaluates its rules again and again, and reports and delivers what changes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from time import monotonic

from console.model import Facts, Finding, Level, Trouble
from console.rules.judging import Identity
from console.sources.registry import Sources
from console.watching import delivered
from console.watching.changes import UNREACHABLE, Change, Known, Raised, after, changes, cleared_by, identity
from console.watching.documents import event_document
from console.watching.observer import Observer
from console.watching.store import Store, target_key

PERIOD = 2.0  # seconds between two looks
DEADLINE = 30.0  # seconds for one look; then its connection is cut
FORGETS = "What is delivered cannot be kept: after a restart it is delivered again."
HELD = 10.0  # seconds for which a server must have been unreachable

Document = dict[str, object]
Print = Callable[[Document], None]
Send = Callable[[Document], Awaitable[object]]
Say = Callable[[str], None]


class Watcher:
    """What is known of one target between two looks."""

    def __init__(self, sources: Sources, observer: Observer, store: Store, show: Print, send: Send, say: Say) -> None:  # noqa: PLR0917
        """`show` prints an event, `send` delivers it, `say` reports what went wrong."""
        self._sources = sources
        self._observer = observer
        self._store = store
        self._show, self._send, self._say = show, send, say
        self._known: Known = {}
        self._target = ""  # as the store calls it; empty: not connected yet
        self._silent_since: tuple[datetime, float] | None = None  # also by the monotonic clock
        self._muted: set[Identity] = set()
        self._delivering: asyncio.Queue[tuple[Change, asyncio.Future[object]]] = asyncio.Queue()

    async def run(self) -> None:
        """Watch until this task is cancelled."""
        keeping = asyncio.create_task(self._keep_deliveries())
        try:
            while True:
                await self.look()
                await asyncio.sleep(PERIOD)
        finally:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)

    async def look(self) -> None:
        """Look once, and report what changed."""
        observer = self._observer
        cut = asyncio.get_running_loop().call_later(DEADLINE, self._sources.postgres.cut)
        try:
            verdict = await observer.look()
        finally:
            cut.cancel()
        await self._remember()
        at = observer.frame.at
        findings = [*verdict.findings, *self._silence(at)]
        counted = [finding for finding in findings if observer.muted(finding) is None]
        self._mention_muted(findings, at)
        cleared = cleared_by(verdict, observer.memory)

        def has_cleared(key: Identity) -> bool:
            return observer.unreachable is None if key[0] == UNREACHABLE else cleared(key)

        changed = changes(self._known, counted, at, has_cleared)
        self._known = after(self._known, changed)
        for change in changed:
            document = self._document(change.event, change.raised, at)
            self._show(document)
            self._delivering.put_nowait((change, asyncio.ensure_future(self._send(document))))

    async def look_and_deliver(self) -> None:
        """Look once, and return when every receiver got what changed or it was given up."""
        await self.look()
        while not self._delivering.empty():
            await self._keep_delivery()

    async def _remember(self) -> None:
        """Load once what was delivered before a restart."""
        facts = self._facts
        if facts is None or self._target:
            return
        self._target = target_key(facts)
        try:
            before = await asyncio.to_thread(delivered.load, self._store, self._target)
        except Trouble as why:
            self._say(f"{FORGETS} {why}")
        else:
            self._known = {**before, **self._known}

    async def _keep_deliveries(self) -> None:
        """Keep each event once its delivery has ended, in their order."""
        while True:
            await self._keep_delivery()

    async def _keep_delivery(self) -> None:
        change, done = await self._delivering.get()
        await done
        if self._target:
            try:
                await asyncio.to_thread(delivered.keep, self._store, self._target, change)
            except Trouble as why:
                self._say(str(why))

    def _silence(self, at: datetime) -> list[Finding]:
        """The finding that the server does not answer, once that has lasted."""
        why = self._observer.unreachable
        if why is None:
            self._silent_since = None
            return []
        since, began = self._silent_since = self._silent_since or (at, monotonic())
        if monotonic() - began < HELD:
            return []
        sentence = f"{self._label} cannot be reached: {why.sentence}"
        return [Finding(UNREACHABLE, "server", Level.CRITICAL, sentence, since=since)]

    def _mention_muted(self, findings: list[Finding], at: datetime) -> None:
        """Print each finding that is acknowledged or withheld once."""
        muted = {identity(finding): (finding, mute) for finding in findings if (mute := self._observer.muted(finding))}
        for key, (finding, mute) in muted.items():
            if key not in self._muted and key not in self._known:
                self._show(self._document(mute.reason, Raised(finding, at), at))
        self._muted = set(muted)

    def _document(self, event: str, raised: Raised, at: datetime) -> Document:
        return event_document(event, raised, at, self._label, self._facts)

    @property
    def _facts(self) -> Facts | None:
        return self._sources.postgres.known

    @property
    def _label(self) -> str:
        return self._facts.place if self._facts else self._sources.postgres.label

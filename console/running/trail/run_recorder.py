"""Writes the entries of one run to the trail: several at once where one sync will do."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import field
from datetime import UTC, datetime
from functools import partial

from console.model import Facts
from console.records import dataclass
from console.running.progress import Run, StepProgress
from console.running.trail import entries
from console.running.trail.audit import Trail, WrittenUntil


@dataclass(slots=True)
class RunRecorder:
    """The entries of one run, one at a time.

    Whether a transaction committed, the server knows by the id that was synced before its COMMIT, so its steps are
    written with the entry that follows. What has no such id is written at once; it is synced with the transaction that
    follows, before what runs outside of one, or with the end of the run. The id of a prelude is written before its
    COMMIT, and synced, with its steps, before the step that follows: a console that is killed loses nothing that it
    wrote, only a machine that loses power does.

    Where the file is removed, replaced or emptied during the run, what the run has written is written again.
    """

    trail: Trail
    identity: Mapping[str, object]
    identified: bool = False  # the last entry has the id of the transaction
    unsynced: bool = False  # some entries may not be on disk yet
    waiting: list[Mapping[str, object]] = field(default_factory=list)
    rewritten: bool = False  # the file was removed, replaced or emptied meanwhile
    _former: list[Mapping[str, object]] = field(default_factory=list)  # what it has written
    _written: WrittenUntil | None = None
    _syncing: list[asyncio.Future[None]] = field(default_factory=list)

    @classmethod
    def of(cls, trail: Trail, run: Run, facts: Facts) -> RunRecorder:
        """The recorder of `run`."""
        return cls(trail, entries.identity(run, facts))

    def write(self, event: str, details: Mapping[str, object], *, sync: bool = True) -> None:
        """Write an entry and sync it, after those that wait for it. Raises Trouble(REFUSED) if that fails."""
        self._write([{"event": event, **details}], sync)
        self.identified = event == "commit"

    def begin_sync(self) -> None:
        """Begin to sync what was written without, if anything was, or to write again what is gone; see `synced`."""
        gone = not self._syncing and self._written is not None and not self.trail.has(self._written)
        if self.unsynced or gone:
            self.unsynced = False
            work = partial(self._write, ()) if gone else self.trail.sync
            syncing = asyncio.ensure_future(asyncio.to_thread(work))
            syncing.add_done_callback(lambda ended: ended.cancelled() or ended.exception())  # a run may end before
            self._syncing.append(syncing)

    async def synced(self) -> None:
        """Wait until all that was written is on disk. Raises Trouble(REFUSED) if that fails."""
        self.begin_sync()
        if self._syncing:
            await asyncio.wait(self._syncing)  # a thread cannot be stopped
        for syncing in self._syncing:
            syncing.result()
        self._syncing.clear()

    def steps(self, group: Sequence[StepProgress], waits: bool, synced: bool) -> None:
        """Record that the steps of `group` are done.

        `waits`: another entry follows before anything is changed for which nothing is known but this record.
        `synced`: what follows syncs it first.
        """
        done = [entries.step(progress) for progress in group]
        if waits and self.identified:
            self._keep(done)
        else:
            self._write(done, sync=not synced and not self.identified)
        self.identified = False

    def _keep(self, new: Sequence[Mapping[str, object]]) -> None:
        at = datetime.now(UTC).isoformat()
        self.waiting += ({"at": at, **entry} for entry in new)

    def _write(self, new: Sequence[Mapping[str, object]], sync: bool = True) -> None:
        """Write what waits, and `new`. What cannot be written waits for the next time."""
        self._keep(new)
        added = [{**self.identity, **entry} for entry in self.waiting]
        self._written = self.trail.write(*added, sync=sync, written=self._written, former=self._former)
        self.rewritten |= self._written.rewritten
        self.waiting.clear()
        self._former += added
        self.unsynced = not sync

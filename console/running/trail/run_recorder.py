"""Writes the entries of one run to the trail: several at once where one sync will do."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import field
from datetime import UTC, datetime

from console.model import Facts
from console.records import dataclass
from console.running.progress import Run, StepProgress
from console.running.trail import entries
from console.running.trail.audit import Trail


@dataclass(slots=True)
class RunRecorder:
    """The entries of one run, one at a time.

    Whether a transaction committed, the server knows by the id that was synced before its COMMIT, so its steps are
    written with the entry that follows. What has no such id is written at once; it is synced with the transaction that
    follows, before what runs outside of one, or with the end of the run. The id of a prelude is written before its
    COMMIT, and synced, with its steps, before the step that follows: a console that is killed loses nothing that it
    wrote, only a machine that loses power does.
    """

    trail: Trail
    identity: Mapping[str, object]
    identified: bool = False  # the last entry has the id of the transaction
    unsynced: bool = False  # some entries may not be on disk yet
    waiting: list[Mapping[str, object]] = field(default_factory=list)
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
        """Begin to sync what was written without, if anything was; `synced` waits for that."""
        if self.unsynced:
            self.unsynced = False
            syncing = asyncio.ensure_future(asyncio.to_thread(self.trail.sync))
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
        at = datetime.now(UTC).isoformat()
        done = [{"at": at, **entries.step(progress)} for progress in group]
        if waits and self.identified:
            self.waiting += done
        else:
            self._write(done, sync=not synced and not self.identified)
        self.identified = False

    def _write(self, new: Sequence[Mapping[str, object]], sync: bool = True) -> None:
        waiting, self.waiting = self.waiting, []
        self.trail.write(*({**self.identity, **entry} for entry in (*waiting, *new)), sync=sync)
        self.unsynced = not sync

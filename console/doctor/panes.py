"""Whether each pane works here: every view of it is read once, as the console itself would."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from console.doctor.check import Check, State
from console.format import one_line
from console.model import Facts, Kind, Pane, Snapshot, Source, Trouble, View
from console.reading.reader import Reader, keys
from console.servers import Servers

_GRANT = re.compile(r"GRANT (SELECT ON [\w.]+|\w+)")
_SOMEBODY = re.compile(r"TO (?:the|this|your) role\b[.;]?")
_PASSING = {Kind.BUSY, Kind.UNREACHABLE}


class Listening:
    """A server that also keeps what its reads ran into: readers go on without what only adds to a view."""

    def __init__(self, server: Source) -> None:
        self._server = server
        self.troubles: list[Trouble] = []

    @property
    def facts(self) -> Facts:
        """Those of the server."""
        return self._server.facts

    async def fetch(self, name: str, parameters: Mapping[str, object] | None = None) -> Snapshot:
        """The server's answer. Raises Trouble."""
        try:
            return await self._server.fetch(name, parameters)
        except Trouble as why:
            self.troubles.append(why)
            raise

    async def close(self) -> None:
        """Whoever opened the server closes it."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """What one view showed."""

    shown: bool
    busy: bool
    why: tuple[str, ...] = ()
    remedies: tuple[str, ...] = ()


async def checks(servers: Servers, panes: Iterable[Pane], role: str) -> tuple[Check, ...]:
    """A check for each pane; `role` as SQL writes it. Reads within the bounds of every look: read-only, timed out."""
    return tuple([await _check(servers, pane, role) for pane in panes])


async def _check(servers: Servers, pane: Pane, role: str) -> Check:
    try:
        server = servers.of(pane)
    except Trouble as why:
        what = f"{pane.name} was not looked at."
        return Check("pane", pane.name, State.UNKNOWN, what, why.sentence, why.remedy)
    seen = [await _look(server, view) for view in _different(pane)]
    why_all = _once(sentence for one in seen for sentence in one.why)
    remedies = _once(exact(remedy, role) for one in seen for remedy in one.remedies if remedy)
    state = _state(seen)
    says = {
        State.OK: "shows everything",
        State.LIMITED: "shows less than it could",
        State.CANNOT: "cannot be shown",
        State.UNKNOWN: "could not be read now",
    }[state]
    return Check(
        "pane",
        pane.name,
        state,
        f"{pane.name} {says}.",
        "; ".join(why.rstrip(".") for why in why_all),
        "\n".join(remedies),
    )


def exact(remedy: str, role: str) -> str:
    """A remedy with the role's name in place of "the role", a statement a line."""
    return _SOMEBODY.sub(f"TO {role};", remedy).replace("; GRANT ", ";\nGRANT ")


def _state(seen: Sequence[_Seen]) -> State:
    if not any(one.shown for one in seen):
        return State.UNKNOWN if all(one.busy for one in seen) else State.CANNOT
    if any(one.busy for one in seen):
        return State.UNKNOWN
    return State.LIMITED if any(one.why for one in seen) else State.OK


def _different(pane: Pane) -> list[View]:
    # Views that only filter what another one reads tell nothing new.
    first: dict[tuple[object, ...], View] = {}
    for view in pane.views:
        first.setdefault((view.query, view.lookups, view.derive, view.detail), view)
    return list(first.values())


async def _look(server: Source, view: View) -> _Seen:
    """Read a view, look up what its first rows lack, and read the details of the first."""
    listening = Listening(server)
    reader = Reader(view)
    try:
        taken = await reader.read(listening)
        present = [column for column in view.key if column in taken.columns]
        await reader.fill(listening, keys(taken, present)[:5])
    except Trouble as why:
        return _Seen(False, why.kind in _PASSING, (f"{view.title}: {why.sentence}",), (why.remedy,))
    await _details(listening, view, taken)
    notes = [note for note in (reader.last or taken).notes if _GRANT.search(note)]
    lost = [why for why in listening.troubles if why.kind not in _PASSING]
    grants = (f"GRANT {match[1]} TO the role." for match in map(_GRANT.search, notes) if match)
    return _Seen(
        True,
        len(lost) < len(listening.troubles),
        _once((*(one_line(note) for note in notes), *(why.sentence for why in lost))),
        _once((*grants, *(why.remedy for why in lost))),
    )


async def _details(server: Listening, view: View, taken: Snapshot) -> None:
    first = next(iter(taken.records()), None)
    if not view.detail or first is None:
        return
    try:
        await server.fetch(view.detail, {name: first[name] for name in view.key if name in first})
    except Trouble:
        return  # it is among the troubles that were heard


def _once(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(texts))

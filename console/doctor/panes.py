"""Whether each pane works here: every view of it is read once, as the console itself would."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from console.doctor.check import Check, Status
from console.doctor.cures import Cures
from console.format import clauses, one_line
from console.model import Kind, Pane, Snapshot, Source, Trouble, View
from console.reading.reader import Reader, keys
from console.records import dataclass
from console.sources.registry import Sources

_PASSING = {Kind.BUSY, Kind.UNREACHABLE}


@dataclass(frozen=True, slots=True)
class _Read:
    """How the read of one view went."""

    title: str  # of the view
    shown: bool
    troubles: tuple[Trouble, ...] = ()

    @property
    def lasting(self) -> tuple[Trouble, ...]:
        """What a second try would not change."""
        return tuple(why for why in self.troubles if why.kind not in _PASSING)

    @property
    def busy(self) -> bool:
        """Whether a second try might show more."""
        return any(why.kind in _PASSING for why in self.troubles)


async def checks(sources: Sources, panes: Iterable[Pane], cures: Cures) -> tuple[Check, ...]:
    """A check for each pane. Every read is read-only and has a timeout."""
    return tuple([await _check(sources, pane, cures) for pane in panes])


async def _check(sources: Sources, pane: Pane, cures: Cures) -> Check:
    try:
        server = sources.of(pane)
    except Trouble as why:
        what = "Not checked."
        return Check("pane", pane.name, Status.UNKNOWN, what, why.sentence, why.remedy)
    if pane.extension and not await _has(server, pane.extension):
        absent = f"The extension {pane.extension} is not installed in this database, so there is nothing to show."
        return Check("pane", pane.name, Status.UNKNOWN, "Not checked.", absent)
    reads = [await _read(server, view) for view in _different(pane)]
    state = _state(reads)
    found = [(read, why) for read in reads for why in (read.lasting or ([] if read.shown else read.troubles))]
    sentence = {
        Status.OK: "Shows everything.",
        Status.LIMITED: "Shows less than it could.",
        Status.CANNOT: "Cannot be shown.",
        Status.UNKNOWN: "Could not be read now; run doctor again.",
    }[state]
    return Check(
        "pane",
        pane.name,
        state,
        sentence,
        _reasons(found, len(reads)),
        "\n".join(dict.fromkeys(line for _, why in found for line in cures.of(why))),
    )


def _reasons(found: Iterable[tuple[_Read, Trouble]], views: int) -> str:
    """Each reason once, after the views that cannot be shown because of it; without them where all of several can't."""
    hidden: dict[str, list[str]] = {}
    for read, why in found:
        titles = hidden.setdefault(one_line(why.sentence), [])
        titles += [] if read.shown else [read.title]
    parts = (
        f"{', '.join(titles)}: {reason}" if titles and not 1 < views == len(titles) else reason
        for reason, titles in hidden.items()
    )
    return clauses(parts).rstrip(".")


async def _has(server: Source, extension: str) -> bool:
    """Whether an extension is installed; True where the server cannot be asked: reading the pane says why."""
    try:
        return extension in (await server.learn()).extensions
    except Trouble:
        return True


def _state(reads: Sequence[_Read]) -> Status:
    if not any(read.shown for read in reads):
        return Status.UNKNOWN if all(read.busy for read in reads) else Status.CANNOT
    if any(read.busy for read in reads):
        return Status.UNKNOWN
    return Status.LIMITED if any(read.troubles for read in reads) else Status.OK


def _different(pane: Pane) -> list[View]:
    # Views with the same query are read once.
    first: dict[tuple[object, ...], View] = {}
    for view in (view for view in pane.views if not view.source):
        first.setdefault((view.query, view.lookups, view.derive, view.detail), view)
    return list(first.values())


async def _read(server: Source, view: View) -> _Read:
    """Read a view, look up what its first rows lack, and read the details of the first."""
    reader = Reader(view)
    try:
        taken = await reader.read(server)
        present = [column for column in view.key if column in taken.columns]
        await reader.fill(server, keys(taken, present)[:5])
    except Trouble as why:
        return _Read(view.title, False, (why,))
    shown = reader.last or taken
    return _Read(view.title, True, (*shown.hidden, *await _details(server, view, taken)))


async def _details(server: Source, view: View, taken: Snapshot) -> tuple[Trouble, ...]:
    first = next(iter(taken.records()), None)
    if not view.detail or first is None:
        return ()
    try:
        await server.fetch(view.detail, {name: first[name] for name in view.key if name in first})
    except Trouble as why:
        return (why,)
    return ()

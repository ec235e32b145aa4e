"""Steps that are sent to the admin console of a PgBouncer."""

from __future__ import annotations

from dataclasses import field
from typing import ClassVar

from console.model.local_file import LocalFile
from console.records import dataclass


@dataclass(frozen=True, slots=True)
class PoolerProof:
    """What SHOW returns once a command has taken effect: a row with these values, or none with them."""

    query: str  # as the source of the poolers names it: "pooler_databases"
    where: tuple[tuple[str, object], ...]  # columns and their values
    present: bool = True  # False: no row has these values


@dataclass(frozen=True, slots=True)
class PoolerCommand:
    """One command on a connection of its own, which is cut after `deadline` seconds, and the proof of its effect."""

    rows: ClassVar[int] = 0
    queue: ClassVar[float | None] = 0.0

    uri: str = field(repr=False)  # of the admin console; may hold a password
    pooler: str  # its name, as the pane shows it
    command: str  # without the semicolon
    proof: PoolerProof | None = None
    deadline: float = 10.0  # seconds in which it must have taken effect
    reversible: bool = False  # the step's `undo` is a command of this pooler


@dataclass(frozen=True, slots=True)
class PoolerPause:
    """PAUSE of one database, and RESUME after `seconds` at the latest, even if the console is killed."""

    rows: ClassVar[int] = 0
    queue: ClassVar[float | None] = 0.0

    uri: str = field(repr=False)  # of the admin console; may hold a password
    database: str
    seconds: float


@dataclass(frozen=True, slots=True)
class PoolerResume:
    """RESUME by the process that also resumes a pause, so that no client waits for server_login_retry after it."""

    rows: ClassVar[int] = 0
    queue: ClassVar[float | None] = 0.0

    uri: str = field(repr=False)  # of the admin console; may hold a password
    database: str  # empty: PgBouncer as a whole


@dataclass(frozen=True, slots=True)
class PoolerReload:
    """Writes files, sends RELOAD, and brings back the former files and settings where it did not do what it should."""

    rows: ClassVar[int] = 0
    queue: ClassVar[float | None] = 0.0

    uri: str = field(repr=False)  # of the admin console; may hold a password
    pooler: str  # its name, as the pane shows it
    file: str = ""  # path of its configuration on this machine; empty: not known
    former: str = ""  # path of a copy from before the changes, which is put back; empty: there is none
    resets: bool = False  # settings may go back to their defaults
    files: tuple[LocalFile, ...] = ()  # written before RELOAD; then all that `file` says must be in effect after it
    login: str = field(default="", repr=False)  # conninfo of a client that must be admitted after it

    @property
    def copies(self) -> tuple[tuple[str, str], ...]:
        """Each former file and where it was, in the order to put them back; the configuration is the last."""
        if self.files:
            return tuple((file.kept, file.path) for file in self.files if file.kept)
        return ((self.former, self.file),) if self.former and self.file else ()


PoolerStep = PoolerCommand | PoolerPause | PoolerReload | PoolerResume

"""What an action needs of the role, the server and the configuration, as data that is declared with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum

from console.model import REPACK_BUILT_IN, REPACK_EXTENSION, Facts
from console.records import dataclass
from console.settings.config import Settings


class Right(Enum):
    """A right that actions need."""

    SIGNAL = "cancel and end the sessions of other roles"
    OWN = "own the tables"
    MAINTAIN = "own the tables, or pg_maintain from 17 on"
    BUILD = "build indexes: as MAINTAIN from 17 on, before as OWN"
    REWRITE = "as MAINTAIN from 19 on, before as OWN"
    CREATE_TABLES = "create tables in schema public"
    CREATE_EXTENSIONS = "create extensions"
    CREATE_ROLES = "create roles"
    ALTER_ROLES = "change settings of other roles"
    END_PREPARED = "roll back transactions that other roles prepared"
    DROP_SLOTS = "drop replication slots"
    RESUME_REPLAY = "resume the replay of a standby"
    ALTER_SYSTEM = "write the settings of the server and reload them"


@dataclass(frozen=True, slots=True)
class Needs:
    """What must hold for an action to run; doctor checks it, and a plan is refused where it cannot hold."""

    right: Right | None = None  # None: its plan finds out
    relations: Callable[[Settings], Sequence[str]] | None = None  # what `right` is needed for; None: all tables
    extension: str = ""  # must be installed in the database
    built_in: int = 0  # the major version from which on the server needs no extension for it; 0: none
    primary: bool = True  # a standby cannot do it
    standby: bool = False  # only a standby can do it
    server: bool = True  # it changes something on a server; False: files of this machine alone
    in_words: str = ""  # what it needs, where that is no right
    source: str = ""  # what a target may lack and it changes, as console/sources/registry.py names it
    on_shards: bool = False  # Citus runs its statements on the shards of a distributed table as well
    instead: str = "Use the functions of Citus, or a table of this server alone."  # where it does not
    planned: bool = True  # doctor makes its plan; False: that depends on files and runs of this user


# Of repack-table: the server rewrites a table online by itself from 19 on.
REPACK = Needs(
    Right.REWRITE,
    extension=REPACK_EXTENSION,
    built_in=REPACK_BUILT_IN,
    instead="SELECT alter_distributed_table(table, shard_count => …) rewrites all shards and blocks writes.",
)


def lacks_extension(needs: Needs, facts: Facts) -> bool:
    """Whether the server lacks the extension for it, and cannot do it by itself."""
    return bool(needs.extension) and needs.extension not in facts.extensions and not 0 < needs.built_in <= facts.major


def partitioned(settings: Settings) -> list[str]:
    """The tables with a partition policy."""
    return [policy.table for policy in settings.partitions]


def archived(settings: Settings) -> list[str]:
    """The tables with an archive policy, and their archives."""
    return [name for policy in settings.archives for name in (policy.table, policy.archive)]


def refreshed(settings: Settings) -> list[str]:
    """The materialized views with a refresh policy."""
    return [policy.view for policy in settings.refreshes]

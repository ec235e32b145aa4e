"""What cures a trouble on this server, in lines that can be pasted."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from console.doctor.extensions import install
from console.doctor.server import Found
from console.model import Lacks, Record, Trouble
from console.panes import PANES
from console.records import dataclass

# Of kinds of databases that few people have, such as Citus: a server without them lacks nothing.
SPECIAL = frozenset(pane.extension for pane in PANES if pane.extension)

# What else a grant lets the role do; granting it is a decision.
ALSO: Mapping[str, str] = {
    "pg_read_all_data": "it lets the role read every row",
    "pg_read_server_files": "it lets the role read every file that the server can read",
    "SELECT ON pg_catalog.pg_authid": "it lets the role read the password verifiers of all roles",
}


@dataclass(frozen=True, slots=True)
class Cures:
    """What is known of the role and the server before anything is tried."""

    role: str  # as SQL writes it
    found: Found
    offered: Mapping[str, Record]  # extension → its row of sql/doctor/extensions.sql

    def of(self, why: Trouble) -> tuple[str, ...]:
        """What cures it, a line each: the statements for this role and server where they are known."""
        return self.lacking(why.lacks) or tuple(why.remedy.splitlines())

    def lacking(self, lacks: Lacks) -> tuple[str, ...]:
        """The statements that give this role and database what is missing."""
        grants = zip(lacks.grants, lacks.statements(self.role), strict=True)
        return (
            *(f"{statement} -- {ALSO[grant]}" if grant in ALSO else statement for grant, statement in grants),
            *self.extensions(lacks.extensions),
        )

    def extensions(self, names: Collection[str]) -> tuple[str, ...]:
        """What installs extensions that are not there, where the server was asked for them."""
        return tuple(line for name in names if name in self.offered for line in install(self.offered[name], self.found))

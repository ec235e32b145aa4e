"""Foreign keys that reference a table to be partitioned by hash: they get its partition key, or are dropped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from console.actions.planning import steps_from_query
from console.format import one_line, safe
from console.model import Kind, Source, Standalone, Step, Transaction, Trouble
from console.records import dataclass

Rows = Sequence[Mapping[str, object]]


@dataclass(frozen=True, slots=True)
class Inbound:
    """What happens to them in the swap, what is validated before and after it, and notes about them."""

    tables: str = ""  # that are locked, but for the table itself
    unlink: str = ""  # statements
    relink: str = ""
    own_keys: tuple[str, ...] = ()  # names of foreign keys from the table to itself
    own_definitions: tuple[str, ...] = ()  # and what they become
    checks: tuple[Step, ...] = ()
    proofs: tuple[Step, ...] = ()
    notes: tuple[str, ...] = ()
    drops: bool = False

    @property
    def asked(self) -> dict[str, object]:
        """As parameters of the query that writes the swap."""
        return {
            "inbound": self.tables,
            "unlink": self.unlink,
            "relink": self.relink,
            "own_keys": list(self.own_keys),
            "own_definitions": list(self.own_definitions),
        }


NONE = Inbound()


async def inbound(server: Source, oid: int, key: str, drop: bool) -> Inbound:
    """What becomes of the foreign keys to a table; `drop`: those without `key` are dropped. Raises Trouble(REFUSED)."""
    rows = tuple(
        (await server.fetch("actions/partition_by_hash_keys", {"oid": oid, "key": key, "drop": drop})).records()
    )
    refused = [row for row in rows if row["refused"]]
    if refused:
        raise Trouble(
            Kind.REFUSED,
            " ".join(safe(row["refused"]) for row in refused),
            " ".join(dict.fromkeys(safe(row["remedy"]) for row in refused if row["remedy"])),
        )
    others = [row for row in rows if not row["own"]]
    own = [row for row in rows if row["own"]]
    return Inbound(
        tables=", ".join(dict.fromkeys(str(row["on"]) for row in others)),
        unlink=";\n".join(str(row["unlink"]) for row in others),
        relink=";\n".join(str(row["relink"]) for row in others if row["relink"]),
        own_keys=tuple(str(row["conname"]) for row in own),
        own_definitions=tuple(str(row["definition"]) for row in own),
        checks=tuple(_check(row) for row in rows if row["checked"]),
        proofs=tuple(_proof(row) for row in others if row["validate"]),
        notes=tuple(_note(row) for row in rows),
        drops=any(row["dropped"] for row in rows),
    )


async def unproven(server: Source, oid: int) -> tuple[Step, ...]:
    """The steps that validate the foreign keys to a table that a run left NOT VALID after its swap."""
    return await steps_from_query(server, "partition_by_hash_unproven", {"oid": oid})


def _check(row: Mapping[str, object]) -> Step:
    return Step(
        str(row["checked"]),
        f"ACCESS SHARE on {row['on']}",
        str(row["on"]),
        execution=Transaction(f"check {row['oid']}"),
        estimate="scans both tables",
        note="checks that existing rows satisfy the new foreign key",
    )


def _proof(row: Mapping[str, object]) -> Step:
    return Step(
        str(row["validate"]),
        f"SHARE UPDATE EXCLUSIVE on {row['on']}, ROW SHARE on {row['name']}",
        str(row["on"]),
        execution=Standalone(3.0),
        note="validates the foreign key without blocking reads or writes",
    )


def _note(row: Mapping[str, object]) -> str:
    which = f"The foreign key {one_line(row['quoted'])} of {one_line(row['on'])}"
    if row["dropped"]:
        return f"{which} is dropped: {one_line(row['why'])}. It was: {one_line(row['former'])}"
    return f"{which} becomes: {one_line(row['definition'])}"

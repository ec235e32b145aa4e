"""How often indexes were scanned on the replicas, summed, and whose statistics are how old. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from console.format import age, one_line
from console.model import Database, Kind, Record, Row, Snapshot, Trouble, number
from console.sources.replicas.comparing import Primary, state_of

COLUMNS = (
    "oid",
    "replica_scans",
    "replica_last_use_age",
    "replica_counted_for",
    "replica_users",  # the replicas that scanned it
    "replica_unread",  # why the scans of some are not known; empty: all were read
    "replica_counted",  # whose scans were counted for how long
    "replicas_read",  # how many could be asked
)
NO_COPY = frozenset({"other cluster", "promoted", "primary"})


def useless(state: Snapshot | Trouble, replica: Database, primary: Primary, database: str) -> Trouble | None:
    """Why the scans that a server counted are not those of a replica of this database."""
    if isinstance(state, Trouble):
        return state
    kind = state_of(next(iter(state.records())), primary)
    if kind in NO_COPY:
        return Trouble(Kind.MISSING, f"it is no replica of this server ({kind}).")
    if replica.facts.database != database:
        where = one_line(replica.facts.database)
        return Trouble(Kind.MISSING, f"it was connected to database {where}, not to {one_line(database)}.")
    return None


def summed(oids: Sequence[object], answers: Mapping[str, Snapshot | Trouble]) -> tuple[Row, ...]:
    """One row an index: the scans on all replicas that could be asked."""
    read = {name: answer for name, answer in answers.items() if isinstance(answer, Snapshot)}
    counts = {name: {row["oid"]: row for row in answer.records()} for name, answer in read.items()}
    failed = {name: answer for name, answer in answers.items() if isinstance(answer, Trouble)}
    missing = "; ".join(unread(name, why).sentence for name, why in failed.items())
    return tuple(_sum(oid, {name: rows[oid] for name, rows in counts.items() if oid in rows}, missing) for oid in oids)


def unread(name: str, why: Trouble) -> Trouble:
    """`why`, with the name of the replica that it is about."""
    return Trouble(why.kind, f"replica {one_line(name)}: {why.sentence}", why.remedy, why.sqlstate, why.lacks)


def _sum(oid: object, found: Mapping[str, Record], missing: str) -> Row:
    uses = [number(row["last_use_age"]) for row in found.values() if row["last_use_age"] is not None]
    ages = [row["counted_for"] for row in found.values()]
    users = [name for name, row in found.items() if row["scans"]]
    return (
        oid,
        sum(int(number(row["scans"])) for row in found.values()),
        min(uses, default=None),
        None if None in ages or not ages else min(map(number, ages)),
        ", ".join(users),
        missing,
        ", ".join(f"{name} (counted for {_age(row)})" for name, row in found.items()),
        len(found),
    )


def _age(row: Record) -> str:
    return "an unknown time" if row["counted_for"] is None else age(row["counted_for"])

"""Schema: which migrations are applied, pending, edited or missing, and how the database differs from them."""

from __future__ import annotations

from dataclasses import replace

from console.model import Column, Lookup, Pane, Row, Snapshot, View, denied
from console.rules.runs import DRIFT_REMEDY, MIGRATION_STATUS

COLUMNS = ("version", "name", "status", "applied_at", "applied_by", "seconds", "about")

# Where the ledger is absent or not readable, the row has no key to look up, and the table is never read.
_LISTS = ("versions", "names", "checksums", "applied_by", "applied_at", "seconds")
_LEDGER = Lookup("schema_ledger", ("ledger",), _LISTS, first=1, keep=0)


def ledger(snapshot: Snapshot) -> Snapshot:
    """One row for each migration: those of the ledger, and the files that it lacks."""
    from console.sql import migrations  # noqa: PLC0415  no other pane needs the files

    (state,) = snapshot.records()
    if state["unreadable"]:
        why = denied("The ledger cannot be read.", "SELECT ON public.schema_migrations")
        return replace(snapshot, columns=COLUMNS, rows=()).hiding(why)
    files = {each.version: each for each in migrations.migrations((int(str(state["major"])),))}
    lists = [list(value) if isinstance(value := state[name], list) else [] for name in _LISTS]
    rows: list[Row] = []
    for version, name, checksum, by, at, seconds in zip(*lists, strict=True):
        file = files.pop(version, None)
        status = "missing" if file is None else "applied" if checksum in file.checksums else "edited"
        rows.append((version, name, status, at, by, seconds, file.help if file else ""))
    rows += [(file.version, file.name, "pending", None, None, None, file.help) for file in files.values()]
    return replace(snapshot, columns=COLUMNS, rows=tuple(sorted(rows, key=lambda row: int(str(row[0])))))


def drift(snapshot: Snapshot) -> Snapshot:
    """One row for each difference from the migrations."""
    from console.drift.reading import rows  # noqa: PLC0415  no other pane compares

    return rows(snapshot)


LEDGER = View(
    name="ledger",
    title="Migrations",
    query="schema_state",
    kept=600.0,
    key=("version",),
    sort="-version",
    columns=(
        Column("version", "no.", "id", width=4, help="Leading number of the file name."),
        Column("name", "migration", "name", width=24),
        Column(
            "status",
            "status",
            width=8,
            rule=MIGRATION_STATUS,
            help="edited: the file changed after it was applied. missing: applied, but not a file of this console.",
        ),
        Column("applied_at", "applied at", "time", help="In UTC."),
        Column("about", "about", grow=True, help="First line of the file."),
        Column("seconds", "took", "age", extra=True, help="Time that the file took on the server."),
        Column("applied_by", "applied by", "name", extra=True, help="The role that applied it."),
    ),
    lookups=(_LEDGER,),
    derive=ledger,
    empty="The ledger cannot be read.",
)

DRIFT = View(
    name="drift",
    title="Drift",
    query="drift_catalog",
    key=("object", "problem", "expected"),
    columns=(
        Column("object", "object", "name", width=36),
        Column("problem", "problem", width=22, grow=True),
        Column(
            "remedy",
            "remedy",
            width=16,
            rule=DRIFT_REMEDY,
            help="The action that corrects it. none: existing objects are never replaced or rewritten; see why.",
        ),
        Column("found", "found", width=20, extra=True, help="The present definition."),
        Column("expected", "expected", width=40, extra=True, help="The definition in the migrations."),
        Column("why", "why", width=50, extra=True, help="Why no action corrects it."),
    ),
    derive=drift,
    empty="No differences from the pipeline schema, or no pipeline schema in this database.",
)

SCHEMA = Pane(
    name="schema",
    key="m",
    title="Schema",
    group="Care",
    help=(
        "Migrations of the pipeline schema: the ledger of this database, compared with the files of this console. M "
        "applies pending migrations; it refuses to run while a file is edited or missing, and this pane shows which. "
        "Drift compares the definitions of tables, indexes, constraints and functions; adopt-schema adds what is "
        "missing."
    ),
    views=(LEDGER, DRIFT),
    refresh=10.0,
    actions=("apply-schema", "adopt-schema"),
)

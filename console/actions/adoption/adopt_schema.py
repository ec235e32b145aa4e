"""adopt-schema: adds missing objects of the pipeline schema to an existing database, online; skips conflicts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from console.actions.adoption.adoption_steps import ledger_step, row_counts, steps
from console.actions.adoption.assessment import Assessment, assess, pipeline_tables
from console.actions.confinement import ConfinedServer, confined, role_of, run_as
from console.actions.needs import Needs, Right
from console.actions.planning import Action, Request
from console.actions.relations import Relation
from console.actions.schema.apply_schema import ledger
from console.drift.reading import NO_SCHEMA, Drift, drift
from console.drift.sides import Difference, Problem, Remedy
from console.format import counted, one_line, safe
from console.model import Claim, Database, Kind, OwnTable, Parameter, Plan, Step, Transaction, Trouble
from console.sql import migrations
from console.sql.migrations import Migration


async def plan(request: Request) -> Plan:
    """Steps for the missing objects, in dependency order. Raises Trouble(REFUSED) if apply-schema must be used."""
    seen = await drift(request.server)
    if not seen.present:
        raise Trouble(Kind.REFUSED, NO_SCHEMA, "apply-schema creates one.")
    server = await confined(request.server, *_tables(seen))
    role = role_of(server)
    baseline = await _baseline(server, request.parameters["owner"])
    trusted = OwnTable(migrations.LEDGER, ledger=True, owner=request.parameters["owner"])
    what = await assess(server, seen, request.server)
    todo = run_as(role, await steps(server, what))
    partition = seen.of(Remedy.PARTITION)
    if baseline and not partition:
        todo = run_as(
            role, (*todo, *_repeatable(baseline), replace(await ledger_step(server, baseline), writes=trusted))
        )
    tables = sorted({difference.wanted.relation for difference in what.to_add} & what.tables)
    before = await row_counts(server, tables, what.unread)

    async def after(server: Database) -> tuple[str, ...]:
        now = await row_counts(ConfinedServer(server, role) if role else server, tables, what.unread)
        counts = (f"{name} {before.get(name, '?')} → {rows}" for name, rows in now.items())
        return (f"Rows before and after: {', '.join(counts)}.",)

    left = (*(_left(each) for each in what.skipped), *(safe(sentence, 300) for sentence in what.unplanned))
    return Plan(
        Claim(f"schema of {one_line(server.facts.database)}", advisory_lock=migrations.LOCK),
        todo,
        summary=f"add {counted(len(what.to_add), 'missing object')}",
        result=f"{counted(len(what.to_add), 'missing object')} added",
        notes=(
            *_summary(what, bool(baseline)),
            *([f"Rows now: {', '.join(f'{name} {rows}' for name, rows in before.items())}."] if before else []),
            *left,
            *_partition(partition, await row_counts(server, [each.wanted.relation for each in partition], what.unread)),
        ),
        left=left,
        read_back=after if before else None,
    )


def _tables(seen: Drift) -> list[Relation]:
    ours = pipeline_tables()
    found = [entry for entry in seen.found if entry.kind == "relation" and entry.relation in ours]
    return [
        Relation(entry.oid, f"public.{entry.relation}", "r") for entry in found if entry.definition.startswith("table")
    ]


async def _baseline(server: Database, owner: str) -> tuple[Migration, ...]:
    """The migrations that the last step records in the ledger; none if it is complete."""
    applied = await ledger(server, owner)
    known = migrations.migrations((server.facts.major,))
    if not applied:
        return known
    try:
        pending = migrations.pending(known, applied)
    except Trouble as why:
        raise Trouble(Kind.REFUSED, why.sentence, why.remedy) from None
    if pending:
        names = ", ".join(migration.name for migration in pending)
        raise Trouble(Kind.REFUSED, f"Migrations are pending: {names}.", "Run apply-schema first, then adopt-schema.")
    return ()


def _repeatable(baseline: Sequence[Migration]) -> tuple[Step, ...]:
    """Steps for the migrations that also run on tables that exist already."""
    return tuple(
        Step(
            migration.text.rstrip(),
            migration.locks,
            execution=Transaction("ledger"),
            note=f"{migration.name}: {migration.help}",
        )
        for migration in baseline
        if migration.adopts
    )


def _summary(assessed: Assessment, unlisted: bool) -> tuple[str, ...]:
    number, left = len(assessed.to_add), len(assessed.skipped) + len(assessed.unplanned)
    lines = [f"{number} {'object is' if number == 1 else 'objects are'} added, {left} skipped."]
    if unlisted:
        lines.append("The migration ledger is written last, once all tables that should be partitioned are.")
    if any(difference.problem is Problem.MISSING_TABLE for difference in assessed.to_add):
        lines.append(f"New tables are owned by {one_line(assessed.owner)}; other roles get its default privileges.")
    return tuple(lines)


def _left(difference: Difference) -> str:
    found = f" ({one_line(difference.found)[:80]})" if difference.found else ""
    return f"Skipped: {one_line(difference.name)}, {difference.problem}{found}: {one_line(difference.why)}."


def _partition(wanted: Sequence[Difference], counts: dict[str, str]) -> tuple[str, ...]:
    if not wanted:
        return ()
    names = [f"public.{name}" for name in counts]
    return (
        (
            f"To be partitioned next, smallest first: {', '.join(names)}. "
            "Use partition-table, then run adopt-schema again."
        ),
    )


ADOPT_SCHEMA = Action(
    name="adopt-schema",
    title="Add missing schema objects",
    help="Adds missing objects of the pipeline schema to an existing database, online; never replaces existing ones.",
    plan=plan,
    parameters=(Parameter("owner", "role that may own the migration ledger; empty: the connected role"),),
    needs=Needs(Right.OWN),
)

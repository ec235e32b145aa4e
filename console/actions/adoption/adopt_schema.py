"""adopt-schema: adds what a database lacks of the pipeline schema, online, and leaves alone what does not fit."""

from __future__ import annotations

from collections.abc import Sequence

from console.actions.adoption.adopting import ledger_step, row_counts, steps
from console.actions.adoption.adoption import Adoption, adoption
from console.actions.needs import Needs, Right
from console.actions.planning import Action, Request
from console.actions.schema.apply_schema import ledger
from console.drift.reading import NO_SCHEMA, drift
from console.drift.sides import Difference, Remedy
from console.format import one_line, safe
from console.model import Claim, Kind, Parameter, Plan, Source, Step, Transaction, Trouble
from console.sql import migrations
from console.sql.migrations import Migration


async def plan(request: Request) -> Plan:
    """What is missing, in the order in which it can be added. Trouble (REFUSED) where apply-schema is the way."""
    server = request.server
    seen = await drift(server)
    if not seen.present:
        raise Trouble(Kind.REFUSED, NO_SCHEMA, "apply-schema makes one.")
    baseline = await _baseline(server, request.given["owner"])
    what = await adoption(server, seen)
    todo = await steps(server, what)
    partition = seen.of(Remedy.PARTITION)
    if baseline and not partition:
        todo = (*todo, *_anyhow(baseline), await ledger_step(server, baseline))
    tables = sorted({one.wanted.relation for one in what.todo} & what.tables)
    before = await row_counts(server, tables, what.unread)

    async def after(server: Source) -> tuple[str, ...]:
        now = await row_counts(server, tables, what.unread)
        said = (f"{name} {before.get(name, '?')} → {rows}" for name, rows in now.items())
        return (f"Rows before and after: {', '.join(said)}.",)

    return Plan(
        Claim(f"schema of {one_line(server.facts.database)}", advisory_lock=migrations.LOCK),
        todo,
        notes=(
            *_summary(what, bool(baseline)),
            *([f"Rows now: {', '.join(f'{name} {rows}' for name, rows in before.items())}."] if before else []),
            *(_left(one) for one in what.left),
            *(safe(said, 300) for said in what.told),
            *_partition(partition, await row_counts(server, [one.wanted.relation for one in partition], what.unread)),
        ),
        read_back=after if before else None,
    )


async def _baseline(server: Source, owner: str) -> tuple[Migration, ...]:
    """The migrations that the ledger is to name in the end; none where it is complete."""
    applied = await ledger(server, owner)
    known = migrations.migrations((server.facts.major,))
    if not applied:
        return known
    try:
        pending = migrations.pending(known, applied)
    except Trouble as why:
        raise Trouble(Kind.REFUSED, why.sentence, why.remedy) from None
    if pending:
        names = ", ".join(one.name for one in pending)
        raise Trouble(Kind.REFUSED, f"Migrations are pending: {names}.", "apply-schema first; then adopt what is left.")
    return ()


def _anyhow(baseline: Sequence[Migration]) -> tuple[Step, ...]:
    """The files that also run where their tables were there before."""
    return tuple(
        Step(one.text.rstrip(), one.locks, execution=Transaction("ledger"), note=f"{one.name}: {one.help}")
        for one in baseline
        if one.adopts
    )


def _summary(adoption: Adoption, unlisted: bool) -> tuple[str, ...]:
    number, left = len(adoption.todo), len(adoption.left) + len(adoption.told)
    said = [f"{number} {'thing is' if number == 1 else 'things are'} added, {left} left alone."]
    if unlisted:
        said.append("The ledger of migrations is written last, when all tables are partitioned that should be.")
    if any(one.problem == "missing table" for one in adoption.todo):
        said.append(
            f"New tables belong to {one_line(adoption.owner)}; others have the rights that its default privileges give."
        )
    return tuple(said)


def _left(one: Difference) -> str:
    found = f" ({one_line(one.found)[:80]})" if one.found else ""
    return f"Left alone: {one_line(one.name)}, {one.problem}{found}: {one_line(one.why)}."


def _partition(wanted: Sequence[Difference], counts: dict[str, str]) -> tuple[str, ...]:
    if not wanted:
        return ()
    names = [f"public.{name}" for name in counts]
    return (
        (
            f"To be partitioned afterwards, the smallest first: {', '.join(names)}. "
            "partition-table does it; then run adopt-schema again."
        ),
    )


ADOPT_SCHEMA = Action(
    name="adopt-schema",
    title="Adopt what is there",
    help="Adds what a grown database lacks of the pipeline schema, online; nothing that exists is replaced.",
    plan=plan,
    parameters=(Parameter("owner", "role whose ledger is to be believed; empty: the one you connect as"),),
    needs=Needs(Right.OWN),
)

"""Compares columns: type, NOT NULL and default, and the search column, of which two forms are correct."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from console.drift.forms import fit, plain
from console.drift.keys import because
from console.drift.schema_entries import ORDERED_UUID_KEY, UUID_KEY, SchemaEntry
from console.drift.sides import SEARCH, SEARCH_FUNCTION, SEARCHED, Difference, Problem, Remedy, Side


def columns(relation: str, want: Side, have: Side) -> Sequence[Difference]:
    if not have.all("relation", relation):
        return ()
    found: list[Difference] = []
    for wanted in want.all("column", relation):
        existing = have.find("column", relation, wanted.name)
        if (relation, wanted.name) == SEARCH:
            held = [
                difference.wanted.name
                for difference in found
                if stops(difference) and difference.wanted.name in SEARCHED
            ]
            found += _search(wanted, existing, have, held)
        elif existing is None:
            found.append(_missing(wanted))
        else:
            found += _column(wanted, existing)
    return found


def stops(difference: Difference) -> bool:
    """Whether nothing that depends on this column can be created."""
    return difference.remedy is Remedy.NONE and difference.problem in {Problem.MISSING_COLUMN, Problem.UNFIT_TYPE}


def _missing(wanted: SchemaEntry) -> Difference:
    if wanted.detail.startswith("identity") or wanted.detail == UUID_KEY:
        why = "each row needs its own value, which rewrites the table"
    elif wanted.required and not wanted.detail:
        why = "NOT NULL without a default: existing rows would have no value"
    else:
        return Difference(wanted, Problem.MISSING_COLUMN)
    return Difference(wanted, Problem.MISSING_COLUMN, "", Remedy.NONE, why)


def _column(wanted: SchemaEntry, existing: SchemaEntry) -> Iterator[Difference]:
    fitting = fit(wanted.definition, existing.definition)
    if not fitting.fits:
        problem = Problem.NARROWER_TYPE if fitting.related else Problem.UNFIT_TYPE
        yield Difference(wanted, problem, existing.definition, Remedy.NONE, fitting.why)
    if wanted.required and not existing.required:
        remedy = Remedy.ADOPT if fitting.related else Remedy.NONE
        yield Difference(wanted, Problem.MAY_BE_NULL, "null", remedy, "" if fitting.related else fitting.why)
    elif existing.required and not wanted.required:
        why = "the NOT NULL constraint stays; the pipeline may insert nulls"
        yield Difference(wanted, Problem.MUST_NOT_BE_NULL, "NOT NULL", Remedy.NONE, why)
    yield from _default(wanted, existing, fitting.related)


def _default(wanted: SchemaEntry, existing: SchemaEntry, related: bool) -> Iterator[Difference]:
    if not wanted.detail or _same_default(wanted.detail, existing.detail):
        return
    if existing.detail:
        yield Difference(wanted, Problem.ANOTHER_DEFAULT, existing.detail, Remedy.NONE, "the existing default is kept")
    elif wanted.detail.startswith("identity"):
        why = "the application assigns the values; a sequence would have to start above them"
        yield Difference(wanted, Problem.NO_IDENTITY, "no default", Remedy.NONE, why)
    elif related:
        yield Difference(wanted, Problem.MISSING_DEFAULT, "no default")
    else:
        yield Difference(wanted, Problem.MISSING_DEFAULT, "no default", Remedy.NONE, "the type differs")


def _same_default(wanted: str, existing: str) -> bool:
    if wanted.startswith("identity"):
        return existing.startswith(("identity", "nextval("))
    if wanted == UUID_KEY:
        return existing == ORDERED_UUID_KEY or "uuid" in existing
    return plain(wanted) == plain(existing)


def _search(wanted: SchemaEntry, existing: SchemaEntry | None, have: Side, held: Sequence[str]) -> Iterator[Difference]:
    """Correct is a generated column, or a plain NOT NULL column that the console's trigger maintains."""
    # With one of the `held` columns missing or of another type, the trigger would fail every INSERT and UPDATE.
    remedy = Remedy.NONE if held else Remedy.ADOPT
    if existing is None:
        yield Difference(wanted, Problem.MISSING_COLUMN, "", remedy, because(held))
    elif existing.definition != wanted.definition:
        why = fit(wanted.definition, existing.definition).why
        yield Difference(wanted, Problem.UNFIT_TYPE, existing.definition, Remedy.NONE, why)
    elif existing.detail.startswith("generated"):
        if plain(existing.detail) != plain(wanted.detail):
            yield Difference(
                wanted,
                Problem.ANOTHER_EXPRESSION,
                existing.detail,
                Remedy.NONE,
                "changing the expression rewrites the table",
            )
    elif not _filled(existing, have):
        yield Difference(wanted, Problem.NOT_MAINTAINED, "a plain column", remedy, because(held))


def _filled(existing: SchemaEntry, have: Side) -> bool:
    ours = f"public.{SEARCH_FUNCTION.removesuffix('()')}"
    return existing.required and any(
        trigger.definition == ours and trigger.valid for trigger in have.all("trigger", SEARCH[0])
    )

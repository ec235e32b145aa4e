"""create-index: builds an index on columns of a table online, as apply-indexes builds those of a pack."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping

from console.actions.indexes.build import IndexToBuild, build
from console.actions.indexes.explained_statements import compared_statements, explained_statements, query_ids
from console.actions.indexes.index_safety import danger, is_unbounded
from console.actions.needs import Needs, Right
from console.actions.planning import Action, Request
from console.actions.relations import relation
from console.format import one_line, safe, size
from console.model import Choice, Claim, Kind, Parameter, Plan, Record, Trouble
from console.sql import content

METHODS = (
    Choice("btree", "for equality, ranges and ORDER BY"),
    Choice("hash", "for equality alone, of a column with long values"),
    Choice("brin", "for ranges of a large table whose rows are stored in the order of the column"),
    Choice("gin", "for the elements of arrays, jsonb and text search"),
    Choice("gist", "for ranges, geometry and nearest neighbours"),
)
MOST_COLUMNS = 32  # INDEX_MAX_KEYS of the server
_NAMES = re.compile(r'\s*((?:"(?:[^"]|"")*"|[^",])+)\s*(?:,|$)')


_EXPRESSION = re.compile(r"[(+*/]|::")


async def plan(request: Request) -> Plan:
    """The steps of the index. Raises Trouble: USAGE for columns it cannot have, REFUSED if an index serves them."""
    method = _method(request.parameters["method"])
    names = column_names(request.parameters["columns"])
    if method == "hash" and len(names) > 1:
        raise Trouble(Kind.USAGE, "A hash index has one column.", "method=btree takes several.")
    table = await relation(request.server, request.parameters["table"])
    parameters = {"oid": table.oid, "columns": list(names), "method": method}
    [row] = (await request.server.fetch("actions/new_index", parameters)).records()
    if _EXPRESSION.search(str(row["missing"] or "")):
        raise await _no_expressions(request, table.name, str(row["missing"]))
    _refuse(table.name, row)
    wanted = IndexToBuild(table.oid, str(row["name"]), f"USING {method} ({row['columns']})")
    made = await build(request.server, [wanted])
    if not made.steps:
        raise Trouble(Kind.REFUSED, " ".join(made.left) or _served(table.name, wanted.name))
    index = f"index {one_line(wanted.name)} on {one_line(table.name)}"
    asked = query_ids(request.parameters["statements"])
    before = await explained_statements(request.server, asked)
    return Plan(
        Claim(one_line(table.name)),
        made.steps,
        summary=index,
        result=f"{index} built",
        notes=(_space(row["bytes"]), *_length(method, row["unbounded"]), *map(str, before)),
        read_back=functools.partial(compared_statements, before=before) if before else None,
    )


def column_names(text: str) -> tuple[str, ...]:
    """Names separated by commas; a name with a comma is quoted as in SQL. Raises Trouble(USAGE)."""
    names, at = list[str](), 0
    while match := _NAMES.match(text, at):
        names.append(match[1].strip())
        at = match.end()
        if not match[0].endswith(","):
            break
    if at < len(text) or text.rstrip().endswith(",") or not names or not all(names):
        raise Trouble(Kind.USAGE, f"columns must be names separated by commas, not {safe(text, 80)}.")
    if len(names) > MOST_COLUMNS:
        raise Trouble(Kind.USAGE, f"An index has at most {MOST_COLUMNS} columns.")
    return tuple(names)


def _method(text: str) -> str:
    method, known = text.strip().lower(), [choice.value for choice in METHODS]
    if method not in known:
        raise Trouble(Kind.USAGE, f"method must be one of {', '.join(known)}, not {safe(text, 40)}.")
    return method


async def _no_expressions(request: Request, table: str, given: str) -> Trouble:
    """That an expression belongs in a pack, and what would be wrong with this one."""
    rows = (await request.server.fetch("actions/index_tables", {"names": [table]})).records()
    types = next((row["types"] for row in rows if isinstance(row["types"], Mapping)), {})
    said = danger(f"({given})", types)
    unsafe = f" As it is, it would not be safe: {one_line(said)}." if said else ""
    what = f"{table} has no column {safe(given, 200)}, and create-index builds indexes on columns alone.{unsafe}"
    pack = content() / "config" / "index-pack.yml"
    remedy = f"An index pack has expressions: write one like {pack}, and give it to apply-indexes as pack=FILE."
    return Trouble(Kind.REFUSED, what, remedy)


def _refuse(table: str, row: Record) -> None:
    if row["missing"]:
        raise Trouble(Kind.REFUSED, f"{one_line(table)} has no column {safe(row['missing'], 200)}.")
    if row["repeated"]:
        raise Trouble(Kind.USAGE, "A column is given twice.")
    if row["computed"]:
        virtual = one_line(row["computed"])
        raise Trouble(Kind.REFUSED, f"{virtual} is a virtual generated column, which no index can have.")
    if row["serving"]:
        raise Trouble(Kind.REFUSED, _served(table, str(row["serving"])))


def _served(table: str, index: str) -> str:
    return f"Index {one_line(index)} of {one_line(table)} serves these columns already."


def _space(needed: object) -> str:
    if needed is None:
        return "The disk space that it needs cannot be estimated."
    return f"It needs about {size(needed)} of disk space, and up to as much for temporary files while it is built."


def _length(method: str, types: object) -> tuple[str, ...]:
    """What a B-tree does to long values; none where a foreign key keeps them short."""
    found = types if method == "btree" and isinstance(types, Mapping) else {}
    names = [one_line(name) for name, kind in found.items() if is_unbounded(str(kind))]
    if not names:
        return ()
    limit = "an index entry of more than 2,704 bytes cannot be inserted then; method=hash has no such limit."
    return (f"A row whose {' and '.join(names)} makes {limit}",)


CREATE_INDEX = Action(
    name="create-index",
    title="Create an index",
    help="Builds an index on columns of a table online, partition by partition, unless an index serves them already. "
    "Can be undone.",
    plan=plan,
    parameters=(
        Parameter("table", "name, with its schema if ambiguous", required=True),
        Parameter("columns", "names separated by commas, in the order of the index", required=True),
        Parameter("method", ", ".join(choice.value for choice in METHODS), default="btree", choices=lambda: METHODS),
        Parameter("statements", "query ids that the index is for, separated by commas: explained before and after"),
    ),
    row={"table": "table", "columns": "keys", "statements": "queryids"},
    needs=Needs(Right.OWN, on_shards=True),
)

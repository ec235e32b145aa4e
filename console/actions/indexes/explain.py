"""How the server would answer the query that an index is for: before it is built, and after."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from console.actions.confinement import confined
from console.actions.foreign_code import refuse_foreign_code
from console.actions.indexes.index_pack import PLACE, PackIndex
from console.actions.relations import relation
from console.format import one_line
from console.model import Database, Kind, Snapshot, Trouble
from console.records import dataclass

_RELATION = re.compile(r'(?<![\w."])((?:[^\W\d]\w*|"(?:[^"]|"")+")\.(?:[^\W\d]\w*|"(?:[^"]|"")+"))(?!\s*\()')
_SHOWN = 3  # partitions of one node; the others are counted


@dataclass(frozen=True, slots=True)
class Explained:
    """A plan of the server's in one line, and what matters of it."""

    text: str = ""
    cost: float = 0.0
    milliseconds: float | None = None  # when it was also run
    sorts: bool = False
    indexes: frozenset[str] = frozenset()
    problem: str = ""  # why there is none

    @property
    def shape(self) -> str:
        """The nodes without their costs, or why there are none."""
        return re.sub(r" \(cost=[^)]*\)", "", str(self))

    def __str__(self) -> str:
        return self.text or f"not explained: {self.problem}"


async def explain(server: Database, entry: PackIndex, analyze: bool = False) -> Explained:
    """The server's plan for the entry's query, with values of its own data. With `analyze` the query is run."""
    try:
        server = await confined(server, await relation(server, entry.table))
        named = [name for text in (entry.query, entry.sample) for name in _RELATION.findall(_without_literals(text))]
        await refuse_foreign_code(server, named)
        query = _filled(entry.query, await _values(server, entry))
        how = "ANALYZE, BUFFERS, " if analyze else ""
        snapshot = await server.ask(f"the query of {one_line(entry.name)}", f"EXPLAIN ({how}FORMAT JSON) {query}")
    except Trouble as why:
        return Explained(problem=str(why).rstrip("."))
    (document,) = _documents(snapshot)
    nodes = list(_nodes(document["Plan"]))
    return Explained(
        _line(document["Plan"]),
        float(document["Plan"]["Total Cost"]),
        document.get("Execution Time"),
        any("Sort" in str(node["Node Type"]) for node in nodes),
        frozenset(str(node["Index Name"]) for node in nodes if "Index Name" in node),
    )


async def _values(server: Database, entry: PackIndex) -> Mapping[str, str]:
    """The sample's columns as literals that the server itself has quoted."""
    if not entry.sample:
        return {}
    text = (  # the pack's own text, sent read-only and as one statement
        "SELECT e.key, pg_catalog.quote_nullable(e.value) AS value\n"  # noqa: S608
        f"  FROM (SELECT * FROM (\n{entry.sample}\n) AS one LIMIT 1) AS s\n"
        " CROSS JOIN LATERAL pg_catalog.jsonb_each_text(pg_catalog.to_jsonb(s)) AS e"
    )
    snapshot = await server.ask(f"the sample of {one_line(entry.name)}", text)
    if not snapshot.rows:
        raise Trouble(Kind.MISSING, "the table has no row to take values from")
    return {str(row["key"]): str(row["value"]) for row in snapshot.records()}


def _filled(query: str, values: Mapping[str, str]) -> str:
    def value(match: re.Match[str]) -> str:
        if match[1]:
            return match[1]
        if match[2] not in values:
            raise Trouble(Kind.USAGE, f"the sample has no column {match[2]}")
        return values[match[2]]

    return PLACE.sub(value, query)


def _without_literals(text: str) -> str:
    return re.sub(r"'(?:[^']|'')*'", "''", text)


def _documents(snapshot: Snapshot) -> list[dict[str, Any]]:
    found = snapshot.rows[0][0]
    assert isinstance(found, list)  # noqa: S101  for the type checker: that is what FORMAT JSON returns
    return found


def _nodes(node: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield node
    for below in node.get("Plans", ()):
        yield from _nodes(below)


def _line(node: Mapping[str, Any]) -> str:
    head = str(node["Node Type"])
    head += f" using {node['Index Name']}" if "Index Name" in node else ""
    head += f" on {node['Relation Name']}" if "Relation Name" in node else ""
    head += f" (cost={node['Startup Cost']:.2f}..{node['Total Cost']:.2f} rows={node['Plan Rows']}"
    if "Actual Total Time" in node:
        head += f", took {node['Actual Total Time']:.2f} ms rows={node['Actual Rows']:g} loops={node['Actual Loops']}"
        head += f" buffers={node.get('Shared Hit Blocks', 0) + node.get('Shared Read Blocks', 0)}"
    below = [_line(each) for each in node.get("Plans", ())]
    more = [f"and {len(below) - _SHOWN} more"] if len(below) > _SHOWN else []
    inner = "; ".join(below[:_SHOWN] + more)
    return one_line(f"{head})") + (f" > [{inner}]" if len(below) > 1 else f" > {inner}" if below else "")

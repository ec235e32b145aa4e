"""The bundled index pack is what the migrations build, on every version."""

from __future__ import annotations

from console.actions.indexes import index_pack
from console.actions.indexes.index_definition import loose
from console.actions.indexes.index_safety import danger
from console.demo.content import install_schema
from console.panes.indexes import INDEXES as PANE
from console.sources.postgres import PostgresServer
from tests.servers import PostgresServer as Cluster

INDEXES = """
SELECT c.relname, format('%I.%I', n.nspname, t.relname), i.indisunique,
       regexp_replace(pg_get_indexdef(i.indexrelid), '^.*? (?=USING )', '')
  FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid
  JOIN pg_namespace n ON n.oid = t.relnamespace
 WHERE n.nspname = 'public' AND NOT t.relispartition AND NOT i.indisunique
   AND t.relname !~ '^(console_|background_jobs$)'
"""
TYPES = (
    "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute"
    " WHERE attrelid = %s::text::regclass AND attnum > 0"
)


def test_the_pack_is_what_the_migrations_build(pg: Cluster, database: str) -> None:
    with pg.connect(database) as session:
        install_schema(session, pg.major)
        session.execute("SET search_path = pg_catalog")
        built = {name: (table, unique, loose(text)) for name, table, unique, text in session.execute(INDEXES)}
    pack = index_pack.load("pipeline")
    assert {one.name: (one.table, one.unique, loose(one.definition)) for one in pack.entries} == built


def test_the_pack_keeps_its_own_rules(pg: Cluster, database: str) -> None:
    with pg.connect(database) as session:
        install_schema(session, pg.major)
        for one in index_pack.load("pipeline").entries:
            types = dict(session.execute(TYPES, (one.table,)).fetchall())
            assert not danger(one.definition, types, one.short), one.name


async def test_details_of_an_index_say_what_it_serves_and_with_which_operators(pg: Cluster, database: str) -> None:
    with pg.connect(database) as session:
        install_schema(session, pg.major)
        own = "SELECT 'public.content_templates_elements_idx'::regclass::oid::bigint"
        parent = "'public.api_usage_organization_time_idx'::regclass"
        part = f"SELECT max(inhrelid::bigint) FROM pg_inherits WHERE inhparent = {parent}"
        found = [row[0] for query in (own, part) for row in session.execute(query.encode())]
    server = PostgresServer(pg.uri(database))
    read = [await server.fetch(PANE.views[0].detail, {"oid": one}) for one in found]
    await server.close()
    told = [{str(row["item"]): row["value"] for row in one.records()} for one in read]
    assert "in exactly this form" in str(told[0]["serves"])
    assert str(told[0]["operators"]).endswith(": @> @? @@")
    assert "index-only scan" in str(told[1]["serves"]), "a partition's index serves what its parent does"
    assert str(told[1]["operators"]).startswith("organization_id: < <= = >= >;")
    assert "apply-indexes" in PANE.actions

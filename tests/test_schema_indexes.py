"""The bundled index pack is what the migrations build, on every version."""

from __future__ import annotations

from console.actions import index_pack
from console.actions.definitions import exact
from console.actions.index_safety import danger
from console.demo.content import install_schema
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
        built = {name: (table, unique, exact(text)) for name, table, unique, text in session.execute(INDEXES)}
    pack = index_pack.load("pipeline")
    assert {one.name: (one.table, one.unique, exact(one.definition)) for one in pack.entries} == built


def test_the_pack_keeps_its_own_rules(pg: Cluster, database: str) -> None:
    with pg.connect(database) as session:
        install_schema(session, pg.major)
        for one in index_pack.load("pipeline").entries:
            types = dict(session.execute(TYPES, (one.table,)).fetchall())
            assert not danger(one.definition, types, one.short), one.name

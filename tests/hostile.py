"""A database whose owner, a plain user, has set traps for a superuser who looks at it or repairs it."""

from __future__ import annotations

from tests.servers import PostgresServer as Cluster
from tests.traps import SPRING, SPRUNG

__all__ = ["SPRING", "SPRUNG", "set_traps"]

# Every trap ends here: with a superuser's rights it says so, loudly; as anybody else it does nothing.
_TRAP = "CREATE FUNCTION public.trap() RETURNS void LANGUAGE plpgsql AS 'BEGIN PERFORM public.spring(); END'"

# Without arguments from a row: the planner computes it whenever its table is read, be that empty or not.
CONSTANT = f"""
CREATE FUNCTION public.trap_now() RETURNS boolean IMMUTABLE LANGUAGE plpgsql AS $$
BEGIN
  IF (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = CURRENT_USER) THEN
    RAISE EXCEPTION '{SPRUNG}';
  END IF;
  RETURN true;
END $$
"""

# Names that a careless query would leave to the search_path, with arguments that fit better than the system's own.
_SHADOWED = (
    ("now", "", "timestamptz", "pg_catalog.now()"),
    ("clock_timestamp", "", "timestamptz", "pg_catalog.clock_timestamp()"),
    ("current_database", "", "name", "'x'::name"),
    ("pg_backend_pid", "", "int", "1"),
    ("pg_is_in_recovery", "", "bool", "false"),
    ("lower", "text", "text", "$1"),
    ("lower", "name", "text", "$1::text"),
    ("upper", "text", "text", "$1"),
    ("left", "text, int", "text", "$1"),
    ("substring", "text, int, int", "text", "$1"),
    ("strpos", "text, text", "int", "1"),
    ("round", "double precision", "double precision", "$1"),
    ("count", "bigint", "bigint", "$1"),
    ("age", "xid", "int", "1"),
    ("age", "timestamptz", "interval", "'1 s'::interval"),
    ("date_part", "text, interval", "double precision", "1.0::float8"),
    ("quote_ident", "text", "text", "$1"),
    ("quote_ident", "name", "text", "$1::text"),
    ("quote_literal", "text", "text", "$1"),
    ("quote_literal", "name", "text", "$1::text"),
    ("format", "text, text", "text", "$1"),
    ("format", "text, name, name", "text", "$1"),
    ("unnest", "bigint[]", "bigint", "1::bigint"),
    ("obj_description", "oid, text", "text", "'x'::text"),
    ("pg_get_indexdef", "oid", "text", "'x'::text"),
    ("pg_get_expr", "pg_node_tree, oid", "text", "'x'::text"),
    ("pg_get_userbyid", "oid", "name", "'x'::name"),
    ("pg_relation_size", "oid", "bigint", "1::bigint"),
    ("pg_size_pretty", "bigint", "text", "'x'::text"),
    ("pg_stat_get_dead_tuples", "oid", "bigint", "1::bigint"),
    ("pg_terminate_backend", "int", "bool", "true"),
    ("pg_cancel_backend", "int", "bool", "true"),
    ("pgstattuple", "bigint", "text", "'x'::text"),
    ("pgstattuple", "oid", "text", "'x'::text"),
    ("pgstattuple_approx", "oid", "text", "'x'::text"),
    ("pg_prewarm", "oid, text, text, bigint, bigint", "bigint", "1::bigint"),
    ("pg_prewarm", "regclass, text, text, int, int", "bigint", "1::bigint"),
)
_OPERATORS = (
    ("=", "name", "text"), ("=", "text", "text"), ("=", "oid", "bigint"), ("=", "oid", "oid"),
    ("=", "bigint", "bigint"), ("=", '"char"', "text"), ("||", "name", "text"), ("||", "text", "text"),
    ("<", "bigint", "bigint"), (">", "int", "int"), (">=", "oid", "int"),
    ("~", "name", "text"), ("+", "int", "int"), ("-", "timestamptz", "timestamptz"),
)  # fmt: skip
_RESULTS = {"||": ("text", "'x'::text"), "+": ("int", "1"), "-": ("interval", "'1 s'::interval")}

_OBJECTS = """
CREATE FUNCTION public.evil(int) RETURNS int IMMUTABLE LANGUAGE plpgsql
  AS 'BEGIN PERFORM public.trap(); RETURN $1; END';
CREATE FUNCTION public.evil_trigger() RETURNS trigger LANGUAGE plpgsql
  AS 'BEGIN PERFORM public.trap(); RETURN NEW; END';
CREATE DOMAIN public.evil_domain AS text CHECK (public.evil(pg_catalog.length(VALUE)) >= 0);
CREATE TYPE public.evil_row AS (a int, b public.evil_domain);
CREATE TABLE public.bait (id int PRIMARY KEY, n int DEFAULT public.evil(1), d public.evil_domain, r public.evil_row,
                          g int GENERATED ALWAYS AS (public.evil(id)) STORED, CHECK (public.evil(n) = n));
CREATE INDEX bait_evil ON public.bait (public.evil(n)) WHERE public.evil(id) > 0;
CREATE INDEX bait_n ON public.bait (n);
CREATE INDEX bait_now ON public.bait (n) WHERE public.trap_now();
CREATE STATISTICS public.bait_statistics ON n, id FROM public.bait;
CREATE TRIGGER evil BEFORE INSERT OR UPDATE OR DELETE ON public.bait
  FOR EACH ROW EXECUTE FUNCTION public.evil_trigger();
CREATE TRIGGER evil_truncate BEFORE TRUNCATE ON public.bait EXECUTE FUNCTION public.evil_trigger();
ALTER TABLE public.bait ENABLE ROW LEVEL SECURITY;
CREATE POLICY evil ON public.bait USING (public.evil(id) = id);
INSERT INTO public.bait SELECT g, g, 'x' FROM generate_series(1, 100) g;
CREATE VIEW public.evil_view AS SELECT public.evil(id) AS id FROM public.bait;
CREATE MATERIALIZED VIEW public.evil_matview AS SELECT public.evil(id) AS id FROM public.bait;
CREATE UNIQUE INDEX evil_matview_id ON public.evil_matview (id);
CREATE INDEX evil_matview_now ON public.evil_matview (id) WHERE public.trap_now();
CREATE RULE evil AS ON INSERT TO public.evil_view DO INSTEAD SELECT public.evil(1);
CREATE TABLE public.evil_parts (id int, n int) PARTITION BY LIST (public.evil(id));
CREATE TABLE public.evil_parts_1 PARTITION OF public.evil_parts FOR VALUES IN (1);
INSERT INTO public.evil_parts VALUES (1, 1);
CREATE INDEX evil_parts_n ON public.evil_parts (public.evil(n));
"""

# Tables of the kind that are partitioned, archived and exported: expired months, and an archive for them.
MOVING = """
CREATE TABLE public.evil_events (id int, day date NOT NULL, n int DEFAULT public.evil(1), d public.evil_domain,
  g int GENERATED ALWAYS AS (public.evil(id)) STORED, CHECK (public.evil(n) = n),
  PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
CREATE TABLE public.evil_events_old PARTITION OF public.evil_events FOR VALUES FROM ('2020-01-01') TO ('2020-02-01');
CREATE TABLE public.evil_events_rest PARTITION OF public.evil_events DEFAULT;
CREATE INDEX evil_events_n ON public.evil_events (public.evil(n));
CREATE INDEX evil_events_now ON public.evil_events (day) WHERE public.trap_now();
CREATE TABLE public.evil_archive (LIKE public.evil_events INCLUDING ALL) PARTITION BY RANGE (day);
CREATE TABLE public.evil_archived PARTITION OF public.evil_archive FOR VALUES FROM ('2019-01-01') TO ('2019-02-01');
CREATE TABLE public.evil_rows (LIKE public.evil_events INCLUDING ALL);
CREATE TABLE public.evil_kept (LIKE public.evil_events INCLUDING ALL);
INSERT INTO public.evil_events SELECT g, '2020-01-05', g, 'x' FROM generate_series(1, 50) g;
INSERT INTO public.evil_archive SELECT g, '2019-01-05', g, 'x' FROM generate_series(1, 50) g;
INSERT INTO public.evil_rows SELECT g, '2020-01-05', g, 'x' FROM generate_series(1, 50) g;
INSERT INTO public.evil_kept SELECT g, '2019-01-05', g, 'x' FROM generate_series(1, 50) g;
CREATE TRIGGER evil BEFORE INSERT OR DELETE ON public.evil_events FOR EACH ROW EXECUTE FUNCTION public.evil_trigger();
CREATE TRIGGER evil BEFORE INSERT OR DELETE ON public.evil_archive FOR EACH ROW EXECUTE FUNCTION public.evil_trigger();
"""

# What the console would write to or read from, were it the console's.
AS_VIEWS = """
CREATE VIEW public.console_audit AS
  SELECT public.evil(1)::text AS run, now() AS started_at, ''::text AS action, ''::text AS subject,
         ''::text AS changed_by, ''::text AS os_user,
         ''::text AS origin, ''::text AS outcome, ''::text AS message, now() AS finished_at,
         public.evil(1)::float8 AS seconds, '{}'::text[] AS statements, '{}'::text[] AS undo;
CREATE VIEW public.console_refreshes AS
  SELECT 'x'::text AS schema_name, 'x'::text AS view_name, public.evil(1) AS row_count, now() AS started_at;
CREATE VIEW public.schema_migrations AS
  SELECT public.evil(1) AS version, 'x'::text AS name, 'x'::text AS checksum, 'x'::text AS applied_by,
         now() AS applied_at, 1.0::float8 AS seconds;
CREATE VIEW public.capacity_samples AS
  SELECT now() AS sampled_at, 'table'::text AS kind, 'x'::text AS subject, public.evil(1)::float8 AS used,
         1::bigint AS heap, 1::bigint AS indexes, 1::bigint AS toast, 1.0::float8 AS rows, 0 AS partitions;
"""
_COLUMNS = """action text, subject text, os_user text, origin text, outcome text, message text, started_at timestamptz,
  seconds float8, statements text[], undo text[]"""
AS_TABLE_WITH_TRIGGER = f"""
CREATE TABLE public.console_audit (run text, {_COLUMNS});
CREATE TRIGGER evil BEFORE INSERT ON public.console_audit FOR EACH ROW EXECUTE FUNCTION public.evil_trigger();
"""
AS_TABLE_WITH_DEFAULT = f"CREATE TABLE public.console_audit (run text, {_COLUMNS}, extra int DEFAULT public.evil(1))"
AS_TABLE_WITH_QUERY = f"""
CREATE TABLE public.console_audit (run text, {_COLUMNS},
  extra text DEFAULT ts_rewrite('a'::tsquery, 'SELECT ''a''::tsquery, public.evil(1)::text::tsquery')::text)
"""
AS_TABLE_WITH_DOMAIN = f"CREATE TABLE public.console_audit (run public.evil_domain, {_COLUMNS})"


# The same kind of tables without a trap, for plans that are made before there is one.
CLEAN = """
CREATE TABLE public.evil_events (id int, day date NOT NULL, n int, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
CREATE TABLE public.evil_events_old PARTITION OF public.evil_events FOR VALUES FROM ('2020-01-01') TO ('2020-02-01');
CREATE TABLE public.evil_archive (LIKE public.evil_events INCLUDING ALL) PARTITION BY RANGE (day);
CREATE TABLE public.evil_archived PARTITION OF public.evil_archive FOR VALUES FROM ('2019-01-01') TO ('2019-02-01');
CREATE TABLE public.evil_rows (LIKE public.evil_events INCLUDING ALL);
CREATE TABLE public.evil_kept (LIKE public.evil_events INCLUDING ALL);
INSERT INTO public.evil_events SELECT g, '2020-01-05', g FROM generate_series(1, 50) g;
INSERT INTO public.evil_archive SELECT g, '2019-01-05', g FROM generate_series(1, 50) g;
INSERT INTO public.evil_rows SELECT g, '2020-01-05', g FROM generate_series(1, 50) g;
INSERT INTO public.evil_kept SELECT g, '2019-01-05', g FROM generate_series(1, 50) g;
CREATE MATERIALIZED VIEW public.evil_matview AS SELECT id FROM public.evil_rows;
CREATE UNIQUE INDEX evil_matview_id ON public.evil_matview (id);
CREATE TABLE public.console_refreshes (schema_name text, view_name text, started_at timestamptz,
  finished_at timestamptz, seconds float8, row_count bigint, is_concurrent bool, error text);
"""
# What is laid between plan and run, on every table that is an ordinary one or partitioned.
LATE = """
DO $late$
DECLARE
  t regclass;
BEGIN
  FOR t IN SELECT c.oid FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
              AND c.relname LIKE 'evil%' AND NOT c.relispartition LOOP
    EXECUTE format('CREATE TRIGGER evil AFTER INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW '
                   'EXECUTE FUNCTION spring_row()',
                   t);
    EXECUTE format('CREATE INDEX ON %s (day) WHERE public.spring_always()', t);
    EXECUTE format('ALTER TABLE %s ALTER COLUMN n SET DEFAULT public.spring_int(1)', t);
    EXECUTE format('ALTER TABLE %s ADD CHECK (public.spring_int(id) = id)', t);
  END LOOP;
  FOR t IN SELECT c.oid FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
              AND c.relname LIKE 'evil%' LOOP
    EXECUTE format('CREATE CONSTRAINT TRIGGER evil_later AFTER INSERT OR DELETE ON %s DEFERRABLE INITIALLY DEFERRED '
                   'FOR EACH ROW EXECUTE FUNCTION spring_row()', t);
  END LOOP;
END $late$;
CREATE INDEX ON public.evil_matview (id) WHERE public.spring_always();
ALTER TABLE public.console_refreshes ALTER error SET DEFAULT public.spring()::text;
"""
# Another thing in the place of each table.
SWAPPED = """
DO $late$
DECLARE
  t record;
BEGIN
  FOR t IN SELECT c.oid::regclass AS name, c.relname FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace
              AND c.relkind IN ('r', 'p', 'm') AND c.relname ~ '^(evil|console)' LOOP
    EXECUTE format('ALTER TABLE %s RENAME TO %I', t.name, t.relname || '_gone');
    EXECUTE format('CREATE VIEW public.%I AS SELECT *, public.spring() AS sprung FROM public.%I WHERE public.spring()',
                   t.relname, t.relname || '_gone');
    EXECUTE format('CREATE RULE evil AS ON INSERT TO public.%I DO INSTEAD SELECT public.spring()', t.relname);
  END LOOP;
END $late$;
"""


def set_traps(cluster: Cluster, database: str, owner: str, more: str = AS_VIEWS) -> None:
    """As its owner, fill the database with traps, and lead every new session's search_path into them."""
    with cluster.connect(database, owner) as session:
        session.execute(SPRING.encode())
        session.execute(_TRAP.encode())
        session.execute(CONSTANT.encode())
        for name, arguments, result, value in _SHADOWED:
            session.execute(
                f"CREATE FUNCTION public.{name}({arguments}) RETURNS {result} LANGUAGE plpgsql"
                f" AS 'BEGIN PERFORM public.trap(); RETURN {value.replace(chr(39), chr(39) * 2)}; END'".encode()
            )
        for number, (sign, left, right) in enumerate(_OPERATORS):
            result, value = _RESULTS.get(sign, ("bool", "true"))
            session.execute(
                f"CREATE FUNCTION public.operator_{number}({left}, {right}) RETURNS {result} LANGUAGE plpgsql"
                f" AS 'BEGIN PERFORM public.trap(); RETURN {value.replace(chr(39), chr(39) * 2)}; END'".encode()
            )
            session.execute(
                f"CREATE OPERATOR public.{sign} (LEFTARG = {left}, RIGHTARG = {right},"
                f" FUNCTION = public.operator_{number})".encode()
            )
        session.execute(_OBJECTS.encode())
        session.execute(more.encode())
        session.execute(f'ALTER DATABASE "{database}" SET search_path = public, pg_catalog'.encode())

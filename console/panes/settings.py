"""Settings: what differs from the defaults and from the preset, where it is set, and pending restarts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import PurePosixPath

from console.model import Column, Lookup, Pane, Record, Snapshot, Trouble, View, denied
from console.panes.derived import add
from console.rules.server import RESTART_PENDING, SETTING_LINE
from console.tuning import presets
from console.tuning.guards import NOT_INSTALLED, added_libraries, server_state, start_dangers
from console.tuning.harm import harms_of
from console.tuning.proposals import Inputs, propose
from console.tuning.server_settings import OWN, server_settings
from console.tuning.units import Setting, canonical, same, shown

PRESET = "pipeline"
# Asked only of settings with a pending restart: the values that the next start will read, and what they depend on.
NEXT = Lookup(
    "settings_waiting",
    ("waiting_name",),
    ("waiting", "standby", "slots", "logical_slots", "senders", "sessions", "prepared", "segment"),
    first=1000,
    batch=1000,
    keep=30,
)
# Not changed by anybody: override is set by the server itself, such as its data directory; client by the TARGET.
_UNCHANGED = frozenset({"default", "override", "client"})
_SOURCES = {
    "user": "role",
    "database user": "role in database",
    "global": "all roles",
    "client": "this connection",
    "session": "the server",  # of the encoding that the console reads, and where statement_timeout is too short
}


def settings(snapshot: Snapshot) -> Snapshot:
    """Values with units, whether and where they were changed, and the values of the bundled preset."""
    known = server_settings(snapshot, None).settings
    wanted = _wanted(known, snapshot)

    def columns_of(row: Record) -> tuple[object, ...]:
        setting = known[str(row["name"])]
        return (
            shown(setting, setting.value),
            shown(setting, setting.default),
            _where(row),
            setting.source not in _UNCHANGED and not same(setting, setting.value, setting.default),
            setting.takes if setting.context != "internal" else "fixed",
            *wanted.get(setting.name, (None, None)),
            *_next_start(setting, known, row),
            " ".join(harms_of(setting, setting.value)) or None,
        )

    names = (
        "value",
        "default",
        "origin",
        "changed",
        "takes",
        "wanted",
        "why",
        "next_value",
        "danger",
        "start_at_risk",
        "harm",
    )
    return add(snapshot, names, columns_of).hiding(_hidden(snapshot))


def _next_start(setting: Setting, known: Mapping[str, Setting], row: Record) -> tuple[str | None, str | None, bool]:
    """The value that the next start will read, why the server may not start with it, and whether it is known to be."""
    waiting = row.get("waiting")
    if waiting is None:
        return None, None, False
    try:
        following = replace(setting, next=canonical(setting, str(waiting)))
    except ValueError:
        following = replace(setting, next=str(waiting))
    added = added_libraries(following)
    missing = {library: NOT_INSTALLED for library in added if "," in library}  # no file has such a name
    state = server_state(row, {}, None, missing)
    dangers = [*start_dangers({**known, setting.name: following}, state, setting.name)]
    at_risk = bool(dangers)
    if not at_risk:
        dangers += harms_of(following, following.next)
    if untried := sorted(added - missing.keys()):
        dangers.append(f"Whether {', '.join(untried)} can be loaded: pipeline-console doctor tries it.")
    return shown(following, following.next), " ".join(dangers) or None, at_risk


def files(snapshot: Snapshot) -> Snapshot:
    """The status of each line: a pending restart is not an error, although the server reports it as one."""

    def columns_of(row: Record) -> tuple[object, ...]:
        return (_where(row), _verdict(row))

    return add(snapshot, ("origin", "verdict"), columns_of)


def _verdict(row: Record) -> str:
    if row["error"] is None:
        return "in effect" if row["applied"] else "overridden"
    if row["context"] == "postmaster":
        return "needs restart"
    return "error"


def _where(row: Record) -> str:
    if row["sourcefile"]:
        return f"{PurePosixPath(str(row['sourcefile'])).name}:{row['sourceline']}"
    source = str(row.get("source") or "")
    return _SOURCES.get(source, source)


def _hidden(snapshot: Snapshot) -> Trouble | None:
    lost = any(row["source"] == "configuration file" and row["sourcefile"] is None for row in snapshot.records())
    if not lost:
        return None
    note = "files and lines are hidden from this role:"
    return denied(note, "pg_read_all_settings", remedy="GRANT pg_read_all_settings shows them")


def _wanted(known: Mapping[str, Setting], snapshot: Snapshot) -> dict[str, tuple[str, str]]:
    major = int(str(snapshot.values("major")[0])) if snapshot.rows else 0
    found = propose(_entries(), Inputs(known, {}, major))
    return {
        proposal.setting.name: (shown(proposal.setting, proposal.proposed), proposal.entry.why)
        for proposal in found
        if proposal.state == "change" and proposal.setting.source not in OWN
    }


@cache
def _entries() -> tuple[presets.PresetSetting, ...]:
    return presets.entries(presets.load(PRESET))[0]


NAME = Column("name", "setting", "name", grow=True)
VALUE = Column("value", "value", width=13, help="The value that a new session of this role and database gets.")
ORIGIN = Column("origin", "source", width=19, help="File and line, or another source of the value.")
WAITS = Column(
    "pending_restart", "restart pending", "flag", width=15, rule=RESTART_PENDING, help="Whether a restart is pending."
)
MORE = (
    Column(
        "takes",
        "takes",
        width=12,
        extra=True,
        help="What a new value needs to take effect: reload, restart, new session.",
    ),
    Column("harm", "harm", "query", width=40, extra=True, help="Why the value does harm."),
    Column("category", "category", width=40, extra=True, help="Its group in the documentation."),
    Column("short_desc", "description", "query", width=60, extra=True, help="The server's own description."),
    Column("sourcefile", "file", width=50, extra=True, help="The file that sets the value."),
)


def _view(name: str, title: str, where: Callable[[Record], bool] | None, empty: str) -> View:
    return View(
        name=name,
        title=title,
        query="settings",
        key=("name",),
        columns=(
            NAME,
            VALUE,
            Column("default", "default", width=11, help="PostgreSQL's built-in default."),
            ORIGIN,
            WAITS,
            *MORE,
        ),
        where=where,
        lookups=(NEXT,),
        derive=settings,
        detail="settings_detail",
        empty=empty,
    )


FROM_PRESET = replace(
    _view(
        "preset", "From the preset", lambda row: row["wanted"] is not None, "Every setting has the value of the preset."
    ),
    columns=(
        NAME,
        VALUE,
        Column("wanted", "preset", width=13, help=f"What the preset {PRESET} proposes."),
        Column("why", "why", "query", width=26),
        Column("default", "default", width=11, extra=True, help="PostgreSQL's built-in default."),
        replace(ORIGIN, extra=True),
        *MORE,
    ),
)

PENDING = replace(
    _view("pending", "Pending restart", lambda row: bool(row["pending_restart"]), "No pending restarts."),
    columns=(
        NAME,
        VALUE,
        Column("next_value", "at restart", width=18, help="The value that the next start of the server reads."),
        Column(
            "danger", "danger", "query", width=28, help="Why the server may not start with that value, or what it does."
        ),
        replace(ORIGIN, extra=True),
        *MORE,
    ),
)

OVERRIDES = View(
    name="overrides",
    title="By role and database",
    query="settings_overrides",
    key=("database_oid", "role_oid", "name"),
    sort="name",
    columns=(
        NAME,
        Column("value", "value", width=18, help="The value for new sessions of this role or database."),
        Column("role", "role", "name", width=16, help="–: all roles."),
        Column("database", "database", "name", width=16, help="–: all databases."),
    ),
    empty="No settings by role or database.",
)

FILES = View(
    name="files",
    title="Files",
    query="settings_files",
    key=("seqno",),
    derive=files,
    columns=(
        Column("name", "setting", "name", grow=True),
        Column("setting", "value", width=14),
        ORIGIN,
        Column(
            "verdict",
            "verdict",
            width=13,
            rule=SETTING_LINE,
            help="error: a reload applies no changes; overridden: a later line or the command line takes precedence.",
        ),
        Column("error", "error", "query", width=50, extra=True, help="Why the line is not in effect."),
        Column("sourcefile", "file", width=50, extra=True, help="The file that sets the value."),
    ),
    empty="The configuration files set nothing.",
)

SETTINGS = Pane(
    name="settings",
    key="o",
    title="Settings",
    group="Care",
    help=(
        "The server's settings. Changed: different from PostgreSQL's defaults, with file and line. From the preset: "
        "what the preset pipeline would change without knowing the machine (T plans all of it, with the machine). "
        "Pending restart: set, but not in effect before a restart. By role and database: set by ALTER ROLE and ALTER "
        "DATABASE. Files: every line of the configuration files, for superusers or roles with SELECT on "
        "pg_file_settings and EXECUTE on pg_show_all_file_settings(). Values are those that a new session of this role "
        "and database gets, without what the console sets for its own session."
    ),
    views=(
        _view("changed", "Changed", lambda row: bool(row["changed"]), "Every setting has its default."),
        FROM_PRESET,
        PENDING,
        OVERRIDES,
        FILES,
        _view("all", "All", None, "No settings."),
    ),
    refresh=30.0,
    actions=("apply-tuning",),
)

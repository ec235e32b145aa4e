"""Settings: what differs from the defaults and from the preset, where it is set, and pending restarts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from console.model import Column, Lookup, Pane, Record, Snapshot, View
from console.rules.server import RESTART_PENDING, SETTING_LINE

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


def settings(snapshot: Snapshot) -> Snapshot:
    """Values with units, whether and where they were changed, and the values of the bundled preset."""
    from console.panes.setting_rows import settings as rows  # noqa: PLC0415  the presets take long to load

    return rows(snapshot, PRESET)


def files(snapshot: Snapshot) -> Snapshot:
    """The status of each line: a pending restart is not an error, although the server reports it as one."""
    from console.panes.setting_files import files as rows  # noqa: PLC0415  one view shows them

    return rows(snapshot)


def waiting(snapshot: Snapshot) -> Snapshot:
    """What the next start will read of the settings that wait for it, and what it does; of the others nothing."""
    if not any(snapshot.values("pending_restart")):
        return snapshot.with_columns(WAITING, [(None,) * len(WAITING)] * len(snapshot.rows))
    from console.panes.setting_rows import waiting as rows  # noqa: PLC0415

    return rows(snapshot, WAITING)


WAITING = ("value", "next_value", "danger", "start_at_risk")
NAME = Column("name", "setting", "setting", grow=True)
VALUE = Column("value", "value", width=12, help="The value that a new session of this role and database gets.")
ORIGIN = Column("origin", "source", width=19, help="File and line, or another source of the value.")
WAITS = Column(
    "pending_restart", "pending", "flag", width=7, rule=RESTART_PENDING, help="Whether a restart is pending."
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
    _view("preset", "Preset", lambda row: row["wanted"] is not None, "Every setting has the value of the preset."),
    columns=(
        NAME,
        VALUE,
        Column("wanted", "preset", width=13, help=f"What the preset {PRESET} proposes."),
        Column("why", "why", "query", width=25),
        Column("default", "default", width=11, extra=True, help="PostgreSQL's built-in default."),
        replace(ORIGIN, extra=True),
        *MORE,
    ),
)

PENDING = replace(
    _view("pending", "Restart pending", lambda row: bool(row["pending_restart"]), "No pending restarts."),
    columns=(
        NAME,
        VALUE,
        Column("next_value", "at restart", width=18, help="The value that the next start of the server reads."),
        Column(
            "danger", "danger", "query", width=20, help="Why the server may not start with that value, or what it does."
        ),
        replace(ORIGIN, extra=True),
        *MORE,
    ),
)

JUDGED = replace(PENDING, derive=waiting)  # for rules, which read all settings again and again

OVERRIDES = View(
    name="overrides",
    title="By role",
    query="settings_overrides",
    kept=300.0,
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
    kept=600.0,
    key=("seqno",),
    derive=files,
    columns=(
        NAME,
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
        "The server's settings. Changed: different from PostgreSQL's defaults, with file and line. Preset: "
        "what the preset pipeline would change on any machine (T plans the whole preset for this one). "
        "Restart pending: set, but not in effect before a restart. By role: set by ALTER ROLE and ALTER "
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

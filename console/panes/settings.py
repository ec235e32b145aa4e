"""Settings: what differs from the defaults and from the preset, where it is written, what waits for a restart."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import PurePosixPath

from console.model import Column, Pane, Record, Snapshot, Trouble, View, denied
from console.panes.storage import add
from console.rules.server import RESTART_PENDING, SETTING_LINE
from console.tuning import presets
from console.tuning.proposals import Known, propose
from console.tuning.state import OWN, state
from console.tuning.units import Setting, same, shown

PRESET = "pipeline"
_UNCHANGED = OWN | {"default", "override"}  # override: the server's own doing, such as where its files are


def settings(snapshot: Snapshot) -> Snapshot:
    """Values with their units, whether and where they were changed, and what the bundled preset would have."""
    known = state(snapshot, None).settings
    wanted = _wanted(known, snapshot)

    def told(row: Record) -> tuple[object, ...]:
        setting = known[str(row["name"])]
        own = setting.source in OWN
        return (
            shown(setting, setting.value),
            shown(setting, setting.default),
            "this console" if own else _where(row),
            setting.source not in _UNCHANGED and not same(setting, setting.value, setting.default),
            setting.takes if setting.context != "internal" else "fixed",
            *wanted.get(setting.name, (None, None)),
        )

    names = ("value", "default", "origin", "changed", "takes", "wanted", "why")
    return add(snapshot, names, told).hiding(_hidden(snapshot))


def files(snapshot: Snapshot) -> Snapshot:
    """What became of each line: a setting that waits for a restart is no error, though the server calls it one."""

    def told(row: Record) -> tuple[object, ...]:
        return (_where(row), _verdict(row))

    return add(snapshot, ("origin", "verdict"), told)


def _verdict(row: Record) -> str:
    if row["error"] is None:
        return "in effect" if row["applied"] else "overridden"
    if row["context"] == "postmaster":
        return "needs restart"
    return "error"


def _where(row: Record) -> str:
    if row["sourcefile"]:
        return f"{PurePosixPath(str(row['sourcefile'])).name}:{row['sourceline']}"
    return str(row.get("source") or "")


def _hidden(snapshot: Snapshot) -> Trouble | None:
    lost = any(row["source"] == "configuration file" and row["sourcefile"] is None for row in snapshot.records())
    if not lost:
        return None
    said = "files and lines are hidden from this role:"
    return denied(said, "pg_read_all_settings", remedy="GRANT pg_read_all_settings shows them")


def _wanted(known: Mapping[str, Setting], snapshot: Snapshot) -> dict[str, tuple[str, str]]:
    major = int(str(snapshot.values("major")[0])) if snapshot.rows else 0
    found = propose(_entries(), Known(known, {}, major))
    return {
        one.setting.name: (shown(one.setting, one.proposed), one.entry.why)
        for one in found
        if one.state == "change" and one.setting.source not in OWN
    }


@cache
def _entries() -> tuple[presets.Entry, ...]:
    return presets.entries(presets.load(PRESET))[0]


NAME = Column("name", "setting", "name", grow=True)
VALUE = Column("value", "value", width=13, help="In effect on this connection.")
ORIGIN = Column("origin", "from", width=22, help="File and line, or what else gave the value.")
WAITS = Column("pending_restart", "waits", "flag", width=5, rule=RESTART_PENDING, help="Whether a restart is pending.")
MORE = (
    Column("takes", "takes", width=12, extra=True, help="What a new value waits for."),
    Column("category", "category", width=40, extra=True, help="As the documentation groups it."),
    Column("short_desc", "what for", "query", width=60, extra=True, help="What the server says of it."),
    Column("sourcefile", "file", width=50, extra=True, help="Where the value comes from."),
)


def _view(name: str, title: str, where: Callable[[Record], bool] | None, empty: str) -> View:
    return View(
        name=name,
        title=title,
        query="settings",
        key=("name",),
        columns=(NAME, VALUE, Column("default", "default", width=11, help="As compiled in."), ORIGIN, WAITS, *MORE),
        where=where,
        derive=settings,
        detail="settings_detail",
        empty=empty,
    )


FROM_PRESET = replace(
    _view("preset", "From the preset", lambda row: row["wanted"] is not None, "every value is as the preset has it"),
    columns=(
        NAME,
        VALUE,
        Column("wanted", "preset", width=13, help=f"What the preset {PRESET} proposes."),
        Column("why", "why", "query", width=26),
        Column("default", "default", width=11, extra=True, help="As compiled in."),
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
        Column("value", "value", width=18, help="In effect on this connection."),
        Column("role", "role", "name", width=16, help="None: every role."),
        Column("database", "database", "name", width=16, help="None: every database."),
    ),
    empty="no role and no database has settings of its own",
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
            help="error: a reload applies nothing at all; overridden: a later line or the command line wins.",
        ),
        Column("error", "error", "query", width=50, extra=True, help="Why the line is not in effect."),
        Column("sourcefile", "file", width=50, extra=True, help="Where the value comes from."),
    ),
    empty="the files set nothing",
)

SETTINGS = Pane(
    name="settings",
    key="o",
    title="Settings",
    help=(
        "The server's settings. changed: those that differ from PostgreSQL's own defaults, with file and line; preset: "
        "those that the preset pipeline would change without knowing the machine (T plans all of it, with the "
        "machine); pending: written, but waiting for a restart; overrides: what ALTER ROLE and ALTER DATABASE put "
        "above them; files: every line of the configuration files. The files are for superusers, or for roles with "
        "SELECT on pg_file_settings and EXECUTE on pg_show_all_file_settings(). What this console set for its own "
        "session is marked as such."
    ),
    views=(
        _view("changed", "Changed", lambda row: bool(row["changed"]), "every setting has its default"),
        FROM_PRESET,
        _view("pending", "Pending restart", lambda row: bool(row["pending_restart"]), "nothing waits for a restart"),
        OVERRIDES,
        FILES,
        _view("all", "All", None, "no settings"),
    ),
    refresh=30.0,
    actions=("apply-tuning",),
)

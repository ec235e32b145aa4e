"""write-pgbouncer-config: renders pgbouncer.ini and its user list, and compares them with the present files."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from console.actions.needs import Needs
from console.actions.planning import Action, Request, boolean, whole_number
from console.actions.pooler.chosen import POOLER, chosen
from console.actions.server_folder import server_folder
from console.files import local_files, passwords
from console.files.passwords import Given, Passwords
from console.files.pooler_config import (
    ADMIN,
    LOOKUP,
    PREPARED,
    STATS,
    PoolerSettings,
    auth_file,
    entry,
    installed_version,
    most_connections,
    open_files,
    render,
    version,
)
from console.format import counted, one_line, safe
from console.model import Claim, Kind, LocalFile, Parameter, Plan, Record, Snapshot, Step, Trouble
from console.redaction import HIDDEN, without_secrets

CLIENTS = ("pipeline_app", "pipeline_readonly", "pipeline_owner", "pipeline_monitor")  # where they cannot be looked up
COMMENT = ";;"


async def plan(request: Request) -> Plan:
    """Steps for the files that differ. Raises Trouble(REFUSED) if the pools exceed the connections of the server."""
    given = request.parameters
    (facts,) = (await request.server.fetch("actions/pooler_facts")).records()
    folder = await server_folder(request.server)
    path = local_files.path_of(given["file"], folder / "pgbouncer" / "pgbouncer.ini")
    users = path.with_name("users.txt")
    settings = _settings(given, facts, path, users)
    fits = _fitting(settings, facts, _poolers(request), whole_number(given, "others", 0, 100_000))
    secrets = _secrets(given, settings, folder)
    text, former = render(settings), local_files.read(path)
    entries, listed = _entries(secrets.of, users)
    steps = (
        *([_users(users, entries, listed, local_files.set_aside(users))] if entries != listed else []),
        *([_ini(path, text, former, local_files.set_aside(path))] if text != former else []),
    )
    notes = (fits, *_notes(settings, secrets), _open_files(settings, _users_at_least(facts)))
    apply = boolean(given, "apply")
    if apply:
        steps, more = await _applied(request, settings, steps, (path, text), passwords.load(given["passwords"], folder))
    else:
        more = (how_to_start(path, os.geteuid() == 0),)
    return Plan(
        Claim(f"PgBouncer's files in {safe(path.parent)}"),
        (*secrets.steps, *steps),
        summary=f"PgBouncer's files in {safe(path.parent)}",
        result=f"PgBouncer's files written to {safe(path.parent)}{' and in effect' if apply else ''}",
        notes=(*notes, *more),
        table=_changes(former, text) if former not in {None, text} else None,
    )


async def server_connections(request: Request) -> int:
    """How many connections to the server all poolers with such a file may open. Raises Trouble as `plan` does."""
    (facts,) = (await request.server.fetch("actions/pooler_facts")).records()
    path = Path("pgbouncer.ini")
    settings = _settings(request.parameters, facts, path, path)
    others = whole_number(request.parameters, "others", 0, 100_000)
    return _poolers(request) * most_connections(settings, _users_at_least(facts)) + others


async def _applied(
    request: Request,
    settings: PoolerSettings,
    steps: Sequence[Step],
    configuration: tuple[Path, str],
    known: Passwords,
) -> tuple[tuple[Step, ...], tuple[str, ...]]:
    """One step that writes the files of `steps` and puts them in effect, and what is to be known of it."""
    from console.actions.pooler.applying import Written, applying  # noqa: PLC0415  seldom used

    files = tuple(step.execution for step in steps if isinstance(step.execution, LocalFile))
    written = Written(*configuration, files, "\n\n".join(step.sql for step in steps))
    async with chosen(request) as pooler:
        return await applying(pooler, written, pooler.session.client(entry(settings.database), *_client(known)))


def _client(known: Passwords) -> tuple[str, str]:
    """A user of the pooled database whose password is known, and the password."""
    user = next(name for name in (*CLIENTS, LOOKUP) if name in known.known)
    return user, known.known[user]


def _users_at_least(facts: Record) -> int:
    return max(2, int(str(facts["users"])))


# What is to be written


def _settings(given: Mapping[str, str], facts: Record, path: Path, users: Path) -> PoolerSettings:
    folder = path.parent
    return PoolerSettings(
        database=str(facts["database"]),
        server_host=_host(given["server-host"] or str(facts["host"])),
        server_port=whole_number(given, "server-port", 1, 65535) if given["server-port"] else int(str(facts["port"])),
        listen_addr=_host(given["listen-address"]),
        listen_port=whole_number(given, "listen-port", 1, 65535),
        logfile=str(folder / "pgbouncer.log"),
        pidfile=str(folder / "pgbouncer.pid"),
        auth_file=str(users),
        clients=whole_number(given, "clients", 1, 100_000),
        pool=whole_number(given, "pool", 1),
        database_connections=whole_number(given, "database-connections", 1),
        session_connections=whole_number(given, "session-connections", 1),
        reserve=whole_number(given, "reserve"),
        lookup=bool(facts["look_up"]),
        version=_version(given["version"]),
    )


def _host(text: str) -> str:
    if not text or not text.isprintable() or set(text) & set(" '\"\\,;=%"):
        raise Trouble(
            Kind.USAGE,
            f"{safe(text, 80)} is not the address of one host.",
            "Give a host name, an IP address, or a socket directory.",
        )
    return text


def _version(text: str) -> tuple[int, int] | None:
    if not text:
        return installed_version()
    found = version(text)
    if found is None:
        raise Trouble(Kind.USAGE, f"{safe(text, 40)} is not a version of PgBouncer.", "Write it as 1.21.")
    return found


def _secrets(given: Mapping[str, str], settings: PoolerSettings, folder: Path) -> Given:
    """Passwords of PgBouncer's own users, generated if missing, and of its login roles, which must be known."""
    file = passwords.load(given["passwords"], folder)
    roles = [LOOKUP] if settings.lookup else [name for name in CLIENTS if name in file.known]
    if not all(name in file.known for name in roles) or not roles:
        missing = LOOKUP if settings.lookup else CLIENTS[0]
        raise Trouble(
            Kind.REFUSED,
            f"{safe(file.path)} has no password for {missing}, which PgBouncer uses to log in to the server.",
            f"Add the line {missing}=…, or set a new password: create-roles --set renew={missing}.",
        )
    return passwords.passwords_for(file, [*roles, ADMIN, STATS])


def _entries(of: Mapping[str, str], users: Path) -> tuple[str, str | None]:
    """The intended and the present content of the user list."""
    former = local_files.read(users)
    plain = {name: secret for name, secret in of.items() if name not in {ADMIN, STATS}}
    return auth_file({name: of[name] for name in (ADMIN, STATS)}, plain, former or ""), former


# Steps and notes


def _users(path: Path, text: str, former: str | None, kept: Path) -> Step:
    names = [line.split('"')[1] for line in text.splitlines()]
    file = local_files.planned(path, text, former, kept)
    return Step(
        sql="\n".join(f'"{name}" "{HIDDEN}"' for name in names),
        lock="none",
        execution=file,
        undo=local_files.undo(file),
        note=f"the users listed for PgBouncer, in {safe(path)} (mode 0600)",
    )


def _ini(path: Path, text: str, former: str | None, kept: Path) -> Step:
    file = local_files.planned(path, text, former, kept)
    kept_note = f"; the present file is kept as {safe(kept.name)}" if file.kept else ""
    return Step(
        sql=text.rstrip(),
        lock="none",
        execution=file,
        undo=local_files.undo(file),
        note=f"PgBouncer's configuration, in {safe(path)}{kept_note}",
    )


def _changes(former: str | None, text: str) -> Snapshot:
    """The lines removed and added, without comments."""
    lines = difflib.ndiff((former or "").splitlines(), text.splitlines())
    rows = tuple(
        ("removed" if line[0] == "-" else "added", without_secrets(line[2:]))
        for line in lines
        if line[0] in "+-" and line[2:].strip() and not line[2:].startswith((COMMENT, "#"))
    )
    return Snapshot("write-pgbouncer-config", ("change", "line"), rows, datetime.now(UTC))


def _poolers(request: Request) -> int:
    """How many PgBouncers will use the file: as given, else as many as the configuration lists for this server."""
    if request.parameters["poolers"]:
        return whole_number(request.parameters, "poolers", 1, 100)
    label = request.server.facts.label
    known = (
        len(target.poolers) for target in request.settings.targets.values() if label in {target.name, target.label}
    )
    return max((1, *known))


def _fitting(settings: PoolerSettings, facts: Record, poolers: int, others: int) -> str:
    """A note on how many connections the pools may open. Raises Trouble(REFUSED) if they exceed those available."""
    most, reserved, limit = (int(str(facts[name])) for name in ("most", "reserved", "limit"))
    usable = min(most - reserved, limit) if limit >= 0 else most - reserved
    total = poolers * most_connections(settings, _users_at_least(facts)) + others
    if total > usable:
        room = (usable - others) // poolers - settings.session_connections
        raise Trouble(
            Kind.REFUSED,
            f"The pools could open {counted(total, 'connection')}, but the server has only {usable} for ordinary roles "
            f"(max_connections {most}, {reserved} reserved{f', database limit {limit}' if limit >= 0 else ''}).",
            f"Use --set database-connections={room} or less, or raise max_connections first."
            if room > 0
            else "Raise max_connections first.",
        )
    shared = f", for {poolers} poolers together" if poolers > 1 else ""
    return (
        f"The pools open at most {total} of the {usable} connections for ordinary roles at "
        f"{one_line(settings.server_host)}:{settings.server_port}{shared}."
    )


def _notes(settings: PoolerSettings, secrets: Given) -> Iterator[str]:
    known = "unknown" if settings.version is None else ".".join(map(str, settings.version))
    if settings.version is not None and settings.version >= PREPARED:
        yield f"PgBouncer version: {known}. It supports prepared statements in transaction pooling."
    else:
        yield f"PgBouncer version: {known}. Before 1.21, prepared statements must be disabled in the driver."
    yield secrets.note
    if entry(settings.database) != settings.database:
        yield f"pgbouncer.ini cannot hold the name of the database: clients connect to {entry(settings.database)}."
    if not settings.lookup:
        yield (
            "The database has no pgbouncer.get_auth (create-roles creates it, as a superuser), so users are listed "
            "in users.txt with their passwords: add later users there as well."
        )
    if settings.listen_addr not in {"127.0.0.1", "::1", "localhost"}:
        yield "Remote clients connect unencrypted unless client_tls_sslmode and a certificate are added."


def how_to_start(path: Path, root: bool) -> str:
    """How PgBouncer is started with the file, by root or by another user, and that a running one does not read it."""
    folder, start = one_line(local_files.quoted(path.parent)), f"pgbouncer -d {one_line(local_files.quoted(path))}"
    how = (
        "PgBouncer refuses to run as root. To start it as another user, such as postgres: "
        f"chown -R postgres {folder} && runuser -u postgres -- {start}. That user must be able to enter the folder: "
        "--set file=/etc/pgbouncer/pgbouncer.ini writes to another one"
        if root
        else f"To start it, as the owner of these files: {start}"
    )
    return (
        f"{how}. A running PgBouncer that reads this file goes on with its former configuration: apply=yes, or "
        "pooler-reload, reloads it."
    )


def _open_files(settings: PoolerSettings, users: int) -> str:
    files = open_files(settings.clients, most_connections(settings, users))
    return (
        f"PgBouncer needs {counted(files, 'open file')} for {counted(settings.clients, 'client')} and its server "
        "connections. With the usual "
        f"limit of 1024 it accepts fewer: start it after ulimit -n {files}, or with LimitNOFILE={files} in its systemd "
        "unit."
    )


WRITE_PGBOUNCER_CONFIG = Action(
    name="write-pgbouncer-config",
    title="Write PgBouncer configuration",
    help="Writes pgbouncer.ini and its user list on this machine: transaction pooling, SCRAM, users looked up on the "
    "server. Checks the pools against max_connections; shows and keeps the present files. apply=yes reloads PgBouncer, "
    "compares it with the file and logs in to it; if that fails, the former files are put back.",
    plan=plan,
    parameters=(
        Parameter(
            "file",
            "path of pgbouncer.ini, with users.txt in the same folder; empty: pgbouncer/ in the server's folder",
        ),
        Parameter("listen-address", "address to listen on; * for all", "127.0.0.1"),
        Parameter("listen-port", "port to listen on", "6432"),
        Parameter("server-host", "host of the server as PgBouncer connects to it; empty: as this connection"),
        Parameter("server-port", "port of the server; empty: as this connection"),
        Parameter("clients", "maximum client connections", "1000"),
        Parameter("pool", "maximum server connections per user", "25"),
        Parameter("database-connections", "maximum server connections of all users", "50"),
        Parameter("session-connections", "maximum server connections of the session-mode entry", "10"),
        Parameter("reserve", "additional server connections for waiting clients", "5"),
        Parameter("poolers", "number of PgBouncers that use this file; empty: as listed in the configuration"),
        Parameter("others", "server connections used by other poolers and programs", "0"),
        Parameter("apply", "yes: reload the PgBouncer that reads this file, and prove it", "no"),
        POOLER,
        Parameter("version", "version of PgBouncer, such as 1.21; empty: the version installed here"),
        passwords.PARAMETER,
    ),
    needs=Needs(primary=False, server=False, in_words="changes nothing on the server", planned=False),
)

"""write-pgbouncer-config: pgbouncer.ini and its users: rendered, compared with what is there, fitting the server."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from console.actions.needs import Needs
from console.actions.planning import Action, Request, whole
from console.files import local_files, passwords
from console.files.passwords import Given
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
    render,
    version,
)
from console.format import one_line, safe
from console.model import Claim, Kind, Parameter, Plan, Record, Snapshot, Step, Trouble
from console.redaction import HIDDEN, without_secrets

CLIENTS = ("pipeline_app", "pipeline_readonly", "pipeline_owner", "pipeline_monitor")  # where they cannot be looked up
COMMENT = ";;"


async def plan(request: Request) -> Plan:
    """The two files where they differ. Trouble (REFUSED) when the pools would take more than the server has."""
    given = request.given
    (facts,) = (await request.server.fetch("actions/pooler_facts")).records()
    path = local_files.path_of(given["file"], local_files.config_folder() / "pgbouncer" / "pgbouncer.ini")
    users = path.with_name("users.txt")
    settings = _settings(given, facts, path, users)
    fits = _fitting(settings, facts, _poolers(request), whole(given, "others", 0, 100_000))
    secrets = _secrets(given, settings)
    text, former = render(settings), local_files.read(path)
    entries, listed = _entries(secrets.of, users)
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    kept = path.with_name(f"{path.name}.{stamp}")
    return Plan(
        Claim(f"PgBouncer's files in {safe(path.parent)}"),
        (
            *secrets.steps,
            *([_users(users, entries, listed)] if entries != listed else []),
            *([_ini(path, text, former, kept)] if text != former else []),
        ),
        notes=(fits, *_notes(settings, secrets, path)),
        table=_changes(former, text) if former not in {None, text} else None,
    )


# What is to be written


def _settings(given: Mapping[str, str], facts: Record, path: Path, users: Path) -> PoolerSettings:
    folder = path.parent
    return PoolerSettings(
        database=str(facts["database"]),
        server_host=_host(given["server-host"] or str(facts["host"])),
        server_port=whole(given, "server-port", 1, 65535) if given["server-port"] else int(str(facts["port"])),
        listen_addr=_host(given["listen-address"]),
        listen_port=whole(given, "listen-port", 1, 65535),
        logfile=str(folder / "pgbouncer.log"),
        pidfile=str(folder / "pgbouncer.pid"),
        auth_file=str(users),
        clients=whole(given, "clients", 1, 100_000),
        pool=whole(given, "pool", 1),
        database_connections=whole(given, "database-connections", 1),
        session_connections=whole(given, "session-connections", 1),
        reserve=whole(given, "reserve"),
        lookup=bool(facts["look_up"]),
        version=_version(given["version"]),
    )


def _host(text: str) -> str:
    if not text or not text.isprintable() or set(text) & set(" '\"\\,;=%"):
        raise Trouble(
            Kind.USAGE, f"{safe(text, 80)} is no address of one host.", "Give a name, an address, or a folder."
        )
    return text


def _version(text: str) -> tuple[int, int] | None:
    if not text:
        return installed_version()
    found = version(text)
    if found is None:
        raise Trouble(Kind.USAGE, f"{safe(text, 40)} is no version of PgBouncer.", "Write it like 1.21.")
    return found


def _secrets(given: Mapping[str, str], settings: PoolerSettings) -> Given:
    """Passwords of the pooler's own users, made where missing, and of those it logs in as, which must be known."""
    file = passwords.load(given["passwords"])
    roles = [LOOKUP] if settings.lookup else [name for name in CLIENTS if name in file.known]
    if not all(name in file.known for name in roles) or not roles:
        missing = LOOKUP if settings.lookup else CLIENTS[0]
        raise Trouble(
            Kind.REFUSED,
            f"{safe(file.path)} has no password of {missing}, as which PgBouncer logs in to the server.",
            f"Add the line {missing}=…, or give it a new one there: create-roles --set renew={missing}.",
        )
    return passwords.given(file, [*roles, ADMIN, STATS])


def _entries(of: Mapping[str, str], users: Path) -> tuple[str, str | None]:
    """What the file of users shall hold, and what it holds."""
    former = local_files.read(users)
    plain = {name: secret for name, secret in of.items() if name not in {ADMIN, STATS}}
    return auth_file({name: of[name] for name in (ADMIN, STATS)}, plain, former or ""), former


# Steps and what is said


def _users(path: Path, text: str, former: str | None) -> Step:
    names = [line.split('"')[1] for line in text.splitlines()]
    return Step(
        sql="\n".join(f'"{name}" "{HIDDEN}"' for name in names),
        lock="none",
        execution=local_files.planned(path, text, former),
        note=f"the users PgBouncer knows by itself, in {safe(path)} (mode 0600)",
    )


def _ini(path: Path, text: str, former: str | None, kept: Path) -> Step:
    file = local_files.planned(path, text, former, kept)
    told = f"; what it holds now is kept in {safe(kept.name)}" if file.kept else ""
    return Step(
        sql=text.rstrip(),
        lock="none",
        execution=file,
        undo=local_files.undo(file),
        note=f"PgBouncer's configuration, in {safe(path)}{told}",
    )


def _changes(former: str | None, text: str) -> Snapshot:
    """The lines that go and those that come, without what stays and without comments."""
    lines = difflib.ndiff((former or "").splitlines(), text.splitlines())
    rows = tuple(
        ("goes" if line[0] == "-" else "comes", without_secrets(line[2:]))
        for line in lines
        if line[0] in "+-" and line[2:].strip() and not line[2:].startswith((COMMENT, "#"))
    )
    return Snapshot("write-pgbouncer-config", ("change", "line"), rows, datetime.now(UTC))


def _poolers(request: Request) -> int:
    """How many poolers will run with the file: as given, else as many as the configuration names for this server."""
    if request.given["poolers"]:
        return whole(request.given, "poolers", 1, 100)
    label = request.server.facts.label
    known = (len(one.poolers) for one in request.settings.targets.values() if label in {one.name, one.label})
    return max((1, *known))


def _fitting(settings: PoolerSettings, facts: Record, poolers: int, others: int) -> str:
    """How many connections the pools may take, in words. Trouble (REFUSED) when that is more than there are."""
    most, reserved, limit = (int(str(facts[name])) for name in ("most", "reserved", "limit"))
    usable = min(most - reserved, limit) if limit >= 0 else most - reserved
    total = poolers * most_connections(settings, max(2, int(str(facts["users"])))) + others
    if total > usable:
        room = (usable - others) // poolers - settings.session_connections
        raise Trouble(
            Kind.REFUSED,
            f"The pools could take {total} connections, and ordinary roles have {usable} of the server "
            f"(max_connections {most}, {reserved} reserved{f', the database at most {limit}' if limit >= 0 else ''}).",
            f"Give --set database-connections={room} or less, or raise max_connections first."
            if room > 0
            else "Raise max_connections first.",
        )
    shared = f" by {poolers} poolers" if poolers > 1 else ""
    return (
        f"Of the {usable} connections for ordinary roles at {one_line(settings.server_host)}:{settings.server_port} "
        f"at most {total} are taken{shared}."
    )


def _notes(settings: PoolerSettings, secrets: Given, path: Path) -> Iterator[str]:
    known = "not known" if settings.version is None else ".".join(map(str, settings.version))
    if settings.version is not None and settings.version >= PREPARED:
        yield f"PgBouncer's version: {known}. It follows prepared statements."
    else:
        yield f"PgBouncer's version: {known}. Before 1.21 prepared statements must be switched off in the driver."
    yield secrets.note
    if entry(settings.database) != settings.database:
        yield f"PgBouncer's file cannot hold the database's name: clients ask for {entry(settings.database)}."
    if not settings.lookup:
        yield (
            "The database has no pgbouncer.get_auth (create-roles makes it, as a superuser), so the users are listed "
            "in users.txt with their passwords: whoever is added later must be added there."
        )
    if settings.listen_addr not in {"127.0.0.1", "::1", "localhost"}:
        yield "Clients from elsewhere come unencrypted unless client_tls_sslmode and a certificate are added."
    yield (
        f"To start it, as the owner of these files: pgbouncer -d {one_line(local_files.quoted(path))}. One that runs "
        "takes them with RELOAD on its admin console; that is never done here. Compare SHOW CONFIG before and after."
    )


WRITE_PGBOUNCER_CONFIG = Action(
    name="write-pgbouncer-config",
    title="Write PgBouncer's configuration",
    help="Renders pgbouncer.ini and its users on this machine: transaction pooling, SCRAM, users looked up in the "
    "server. Pools are checked against max_connections; what is there is shown and kept; nothing is reloaded.",
    plan=plan,
    parameters=(
        Parameter("file", "where; users.txt is beside it; empty: pgbouncer/pgbouncer.ini in the configuration folder"),
        Parameter("listen-address", "the address that it listens on; * for all", "127.0.0.1"),
        Parameter("listen-port", "its port", "6432"),
        Parameter("server-host", "the server as PgBouncer reaches it; empty: as this connection does"),
        Parameter("server-port", "its port; empty: as this connection does"),
        Parameter("clients", "how many may connect to PgBouncer", "1000"),
        Parameter("pool", "server connections of each user", "25"),
        Parameter("database-connections", "server connections of all users", "50"),
        Parameter("session-connections", "server connections of the entry in session mode", "10"),
        Parameter("reserve", "further ones for users who wait", "5"),
        Parameter("poolers", "how many PgBouncers will run with this file; empty: as the configuration names"),
        Parameter("others", "connections that other poolers and programs keep of this server", "0"),
        Parameter("version", "of PgBouncer, as 1.21; empty: as installed here"),
        passwords.PARAMETER,
    ),
    needs=Needs(primary=False, server=False, in_words="changes nothing on the server", planned=False),
)

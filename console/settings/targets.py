"""Which servers are meant: a TARGET of the command line, the configuration or the environment as a connection string.

A TARGET with `://` is a URI, one with `=` a conninfo, anything else a name: first of the configuration, then of a
service in ~/.pg_service.conf ($PGSERVICEFILE) or $PGSYSCONFDIR/pg_service.conf. Without a TARGET the configuration's
`default_target` is meant, then $PIPELINE_CONSOLE_TARGET, then libpq's own environment.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import quote, urlencode

from console.format import safe
from console.later import late
from console.model import Kind, Trouble
from console.settings.config import Settings, Wanted, holds_password

_NAME = late(r"[\w.-]{1,80}")
_SECTION = late(r"^\s*\[([^\]]+)\]")
# What a connection string has of a password: before the host of a URI, and as a parameter.
_PASSWORDS = (
    late(r"(?<=://)([^/@?:]*):[^@]*(?=@)"),
    late(r"(?<=[?&])()\w*password=[^&]*&?", re.IGNORECASE),
    late(r"()\b\w*password\s*=\s*(?:'(?:[^'\\]|\\.)*'|\S+)\s*", re.IGNORECASE),
)
_URI = late(r"^postgres(ql)?://(?P<authority>[^/?]*)(?P<rest>/[^?]*)?")
_OPTIONS = {"host": "-h", "port": "-p", "user": "-U", "dbname": "-d"}  # of the command line, by libpq's name
NO_PARTS: Mapping[str, str] = {}
ENCODE = "Percent-encode special characters of a password (@ %40, / %2F, : %3A), or keep it in ~/.pgpass."


def resolve(
    settings: Settings,
    target: str = "",
    poolers: Sequence[str] = (),
    *,
    redis: str = "",
    replicas: Sequence[str] = (),
    read_only: bool = False,
    pane: str = "",
    environ: Mapping[str, str] = os.environ,
    parts: Mapping[str, str] = NO_PARTS,
) -> Wanted:
    """What to connect to; `poolers`, `replicas` and `redis` replace those of the configuration's target.

    Raises Trouble(USAGE).

    `parts` are libpq's host, port, user and dbname: they replace those of the target. A host without a target is a
    server of its own, not the default target.
    """
    given = target
    if not target and not parts.get("host"):
        given = settings.default_target or environ.get("PIPELINE_CONSOLE_TARGET", "")
    known = settings.targets.get(given)
    if known is not None:
        uri, label = known.uri, known.label or known.name
        redis = redis or known.redis
    else:
        uri, label = _connection(given, settings, environ), ""
    chosen = tuple(poolers) or (known.poolers if known else ())
    standbys = tuple(("", replica) for replica in replicas) or tuple(known.replicas.items() if known else ())
    check(uri, "target")
    for pooler in chosen:
        check(pooler, "pooler")
    for _, replica in standbys:
        check(replica, "replica")
    heavy = known.heavy_reads if known and not replicas else ""
    if heavy and heavy not in dict(standbys):
        listed = ", ".join(safe(name, 80) for name, _ in standbys) or "none"
        raise Trouble(
            Kind.USAGE, f"heavy_reads names no replica of the target: {safe(heavy, 80)}.", f"Replicas: {listed}."
        )
    replaced = {name: value for name, value in parts.items() if value}
    if {"host", "port"} & set(replaced):
        label = ""  # it may be another server than the configured one
    log = known.log if known else ""
    return Wanted(
        _with_parts(uri, replaced),
        label,
        chosen,
        read_only,
        pane,
        redis=redis,
        replicas=standbys,
        heavy_reads=heavy,
        log=log,
    )


def repeated(
    target: str,
    parts: Mapping[str, str] = NO_PARTS,
    *,
    poolers: Sequence[str] = (),
    replicas: Sequence[str] = (),
    redis: str = "",
    config: str = "",
) -> str:
    """The options that name the same servers in another command, quoted for a shell; without passwords.

    The parameters are those of `resolve`, and the file of --config. What the environment and the configuration name by
    themselves needs no option.
    """
    given = [
        ("-t", target),
        *((_OPTIONS[name], value) for name, value in parts.items()),
        *(("--pooler", uri) for uri in poolers),
        *(("--replica", uri) for uri in replicas),
        ("--redis", redis),
        ("--config", config),
    ]
    return " ".join(f"{option} {shlex.quote(_without_password(value))}" for option, value in given if value)


def _without_password(target: str) -> str:
    if not holds_password(target):
        return target
    for pattern in _PASSWORDS[:2] if "://" in target else _PASSWORDS[2:]:
        target = pattern.sub(r"\1", target)
    return target.rstrip(" ?&")


def _with_parts(uri: str, parts: Mapping[str, str]) -> str:
    """A connection string in which `parts` take precedence: libpq takes the last of several values."""
    if not parts:
        return uri
    if "://" in uri:
        return f"{uri}{'&' if '?' in uri else '?'}{urlencode(parts, quote_via=quote)}"
    return " ".join([uri, *(f"{name}='{_quoted(value)}'" for name, value in parts.items())]).strip()


def warnings(target: str, servers: Sequence[str], redis: str = "") -> list[str]:
    """Warnings about arguments of the command line; `servers` are the URIs of poolers and replicas."""
    exposed = "The process list shows everybody the password in this command"
    found = []
    if any(holds_password(given) for given in (target, *servers)):
        found.append(f"{exposed}; ~/.pgpass or PGPASSWORD keep it hidden.")
    if holds_password(redis):
        found.append(f"{exposed}; redis: in a target of the configuration keeps it hidden.")
    return found


def check(target: str, what: str) -> None:
    """Raises Trouble(USAGE) for a URI that libpq would split in the wrong place, repeating parts of its password."""
    if "://" not in target:
        return
    match = _URI.match(target)
    if match is None:
        raise Trouble(Kind.USAGE, f"The {what} is a URI of another kind.", "It begins with postgresql://.")
    user, _, hosts = match["authority"].rpartition("@")
    ports = [host.rpartition(":")[2] for host in hosts.split(",") if ":" in host.rpartition("]")[2]]
    if "@" in user or "@" in (match["rest"] or "") or not all(port.isdigit() or not port for port in ports):
        raise Trouble(Kind.USAGE, f"The {what} is not a valid connection URI.", ENCODE)


def _connection(given: str, settings: Settings, environ: Mapping[str, str]) -> str:
    if not given or "://" in given or "=" in given:
        return given
    if given in _services(environ):
        return f"service='{_quoted(given)}'"
    known = names(settings, environ)
    listed = f"Known names: {', '.join(safe(name, 80) for name in known)}." if known else "No names are configured."
    # Only what looks like a name is repeated: a mistyped URI holds a password.
    shown = given if _NAME.fullmatch(given) else "The target"
    raise Trouble(
        Kind.USAGE,
        f"{shown} is neither a connection string, nor a target of the configuration, nor a service of libpq.",
        f"{listed} A database of the local server is written dbname=NAME.",
    )


def names(settings: Settings, environ: Mapping[str, str] = os.environ) -> list[str]:
    """The names that a TARGET can have: targets of the configuration and services of libpq."""
    return [*settings.targets, *_services(environ)]


def _services(environ: Mapping[str, str]) -> list[str]:
    home = Path(environ.get("HOME", "/"))
    files = [Path(environ.get("PGSERVICEFILE") or home / ".pg_service.conf")]
    if folder := environ.get("PGSYSCONFDIR"):
        files.append(Path(folder) / "pg_service.conf")
    lines = [line for file in files if file.is_file() for line in file.read_text(errors="replace").splitlines()]
    return [match[1] for match in map(_SECTION.match, lines) if match]


def _quoted(name: str) -> str:
    return name.replace("\\", "\\\\").replace("'", "\\'")

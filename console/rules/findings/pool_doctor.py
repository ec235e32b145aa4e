"""The state of the poolers as rows: who waits and why, room on the servers, versions, restarts. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from console.format import age, in_words, one_line
from console.model import Finding, Frame, Level, PoolHistory, Record, Row
from console.panes.pooler_rows import pooled
from console.rules import pool_history
from console.rules.findings.pool_holders import rows
from console.rules.findings.pooler_versions import Version, known, parsed
from console.rules.findings.wording import counted, listed, number
from console.rules.pooler import POOL_WAIT_SECONDS

MINUTE = 60.0  # seconds
POOL_RULE = "pool-exhausted"
COLUMNS = ("level", "topic", "pooler", "subject", "text", "about")
PREPARED_SINCE: Version = (1, 21, 0)  # statements that clients prepare by the protocol, in transaction pooling
Server = tuple[str, str]


def doctor_rows(frame: Frame, findings: Iterable[Finding], history: PoolHistory) -> tuple[Row, ...]:
    """The rows of COLUMNS, from what the rules have read and found. Raises CannotTell if no pool could be read."""
    frame.rows("pooler_pools")
    return (
        *_waits([finding for finding in findings if finding.rule == POOL_RULE]),
        *_waited(frame, history),
        *_room(frame),
        *(row for pooler in _poolers(frame) for row in _of_pooler(frame, pooler)),
    )


def history_note(frame: Frame, history: PoolHistory) -> str:
    """Of how much of the last hour waits are known. No row: it would differ from every mark a minute later."""
    read = pool_history.minutes_read(history, frame.at)
    return f"Waits are known of {read} of the last {pool_history.HOUR} minutes, read by the rules or `watch`."


def _row(level: Level, topic: str, pooler: str, subject: str, text: str, *, about: str | None = None) -> Row:
    """A row; `about` tells it apart from others with the same subject where its text changes by itself, as ages do."""
    return level.name.lower(), topic, pooler, subject, text, text if about is None else about


def _waits(findings: Sequence[Finding]) -> Iterator[Row]:
    """Who waits for which reason, and who holds the server connections."""
    if not findings:
        yield _row(Level.OK, "waits", "", "", "no client has waited for a server connection for long")
    for finding in findings:
        cause = next((fact.value for fact in finding.evidence if fact.label == "cause"), "")
        text = "; ".join(filter(None, (finding.sentence, finding.detail)))
        yield _row(finding.level, "waits", "", one_line(cause or finding.subject), text, about=finding.subject)
        for fact in finding.evidence:
            if fact.view == "servers":
                held = f"holds a server connection, {fact.value}" if fact.value else "holds a server connection"
                yield _row(Level.OK, "holders", "", fact.label, held, about=str(fact.row.get("remote_pid")))


def _waited(frame: Frame, history: PoolHistory) -> Iterator[Row]:
    """Whose clients waited in the last hour, the most often first: what waits now is a moment only."""
    found = pool_history.waited(history, frame.at)
    for pool in found:
        ago = "in this minute" if pool.ago < MINUTE else f"last {in_words(pool.ago)} ago"
        shares = ", ".join(f"{share:.0f} % of {span} min" for span, share in pool.shares.items())
        waits = f"{counted(pool.most, 'client')} at a time, at most {age(pool.longest)}"
        level = frame.level(POOL_WAIT_SECONDS, pool.longest)
        text = f"waited in {shares}, {waits}, {ago}"
        yield _row(min(level, Level.NOTICE), "history", pool.pooler, f"{pool.database}/{pool.user}", text, about="")


def _room(frame: Frame) -> Iterator[Row]:
    """How many connections all pools of all poolers may open on each server, against those that it has."""
    sums: dict[Server, float] = {}
    parts: dict[Server, list[str]] = {}
    for entry in rows(frame, "pooler_databases"):
        if not pooled(entry):
            continue
        server = (one_line(entry["host"] or "Unix socket"), one_line(entry["port"]))
        most = _most(entry, rows(frame, "pooler_pools"))
        sums[server] = sums.get(server, 0.0) + most
        parts.setdefault(server, []).append(f"{one_line(entry['name'])} {most:.0f}")
    vitals: Mapping[str, object] = next(iter(rows(frame, "vitals")), {})
    usable = number(vitals.get("usable"))
    for server, most in sums.items():
        alone = len(sums) == 1 and usable > 0
        level = Level.WARNING if alone and most > usable else Level.OK
        limit = f", of {usable:.0f} that the server has for ordinary roles" if alone else ""
        text = f"pools may open {counted(int(most), 'connection')}{limit}: {listed(parts[server])}"
        yield _row(level, "room", "", ":".join(server), text)


def _most(entry: Record, pools: Iterable[Record]) -> float:
    """How many server connections the pools of a database may open: one pool for each of its users."""
    users = sum((pool["pooler"], pool["database"]) == (entry["pooler"], entry["name"]) for pool in pools)
    each = number(entry.get("pool_size")) + number(entry.get("reserve_pool_size"))
    limit = number(entry.get("max_connections"))
    return min(each * max(1, users), limit) if limit else each * max(1, users)


def _poolers(frame: Frame) -> list[str]:
    found = (*rows(frame, "pooler_version"), *rows(frame, "pooler_config"))
    return list(dict.fromkeys(str(row["pooler"]) for row in found))


def _of_pooler(frame: Frame, pooler: str) -> Iterator[Row]:
    """What its version and its configuration mean."""
    settings = [row for row in rows(frame, "pooler_config") if row["pooler"] == pooler]
    config = {str(row["key"]): str(row["value"] or "") for row in settings}
    text = next((str(row["version"]) for row in rows(frame, "pooler_version") if row["pooler"] == pooler), "")
    version = parsed(text)
    if version is not None:
        name = ".".join(map(str, version))
        yield _row(Level.OK, "prepared", pooler, name, _prepared(version, config))
        for each in known(version, config):
            yield _row(Level.NOTICE, "CVE", pooler, each.cve, f"{each.harm}; {'.'.join(map(str, each.fixed))} fixes it")
    if config.get("so_reuseport") == "1":
        said = "other processes share its port; their clients are shown where each is a --pooler by its own socket"
        yield _row(Level.NOTICE, "processes", pooler, "so_reuseport", said)
    fixed = [one_line(row["key"]) for row in settings if row.get("changeable") == "no"]
    changed = [one_line(row["key"]) for row in settings if row.get("changeable") == "no" and _differs(row)]
    if fixed:
        own = f"; not at their defaults: {', '.join(changed)}" if changed else ""
        many = counted(len(fixed), "setting")
        yield _row(Level.OK, "restart", pooler, many, f"need a restart: {', '.join(fixed)}{own}")


def _prepared(version: Version, config: Mapping[str, str]) -> str:
    if version < PREPARED_SINCE:
        return "no prepared statements of the protocol in transaction pooling: 1.21 and later have them"
    most = config.get("max_prepared_statements", "")
    if most in ("", "0"):
        return "max_prepared_statements = 0: no prepared statements of the protocol in transaction pooling"
    return f"max_prepared_statements = {one_line(most)} for each connection in transaction pooling"


def _differs(setting: Record) -> bool:
    return (setting["value"] or "") != (setting["default"] or "")

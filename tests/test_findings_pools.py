"""Why clients of PgBouncer wait: each cause at its boundary, and one finding for one root."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from console.model import CannotTell, Finding, Frame, Kind, Level, Limit, Record, Snapshot, Trouble
from console.rules.diagnoses import DIAGNOSES
from console.rules.findings.pooler_versions import known, vulnerable
from console.rules.findings.pools import POOL_EXHAUSTED, exhausted
from console.running.trail.audit import Trail
from console.settings import config
from console.watching.observer import Observer
from tests.acting import Desk
from tests.activity import Sessions, other_sessions  # noqa: F401  a fixture, found by name
from tests.faults import Stage, pools
from tests.faults.stage import sooner
from tests.servers import Pooler, PostgresServer
from tests.waiting import eventually

NOW = datetime(2026, 11, 12, tzinfo=UTC)
POOL: Record = {
    "pooler": "p1",
    "database": "shop",
    "user": "app",
    "cl_active": 3,
    "cl_waiting": 2,
    "maxwait": 2.0,
    "sv_active": 2,
    "sv_idle": 0,
    "sv_used": 0,
    "sv_tested": 0,
    "sv_login": 0,
    "pool_mode": "transaction",
    "pool_size": 2,
    "max_connections": 50,
    "current_connections": 2,
    "paused": 0,
    "disabled": 0,
}
ENTRY: Record = {"pooler": "p1", "name": "shop", "host": "10.0.0.9", "port": 5432, "paused": False, "disabled": False}
DISABLED = {**ENTRY, "disabled": True}
SERVER: Record = {
    "pooler": "p1",
    "database": "shop",
    "user": "app",
    "state": "active",
    "addr": "10.0.0.9",
    "local_addr": "10.0.0.8",
    "local_port": 4000,
    "connect_time": "2026-11-11 23:00:00 UTC",
    "busy_seconds": 0.1,
    "behind": "10.0.0.4:5000",
    "client_application": "web",
}
HELD: Record = {
    "kind": "session",
    "user": "app",
    "backend_start": "2026-11-11 23:00:00.5+00",
    "application": "web",
    "client": "10.0.0.8",
    "client_port": 4000,
    "since": 1.0,
    "state": "idle in transaction",
    "state_age": 9.0,
    "xact_age": 9.0,
    "wrote": True,
}
VITALS: Record = {"used": 10, "usable": 97, "visible": 10, "waiting": 0}
OLD = {"6664", "6665", "6666", "6669"}
CONFIG = {"max_user_connections": "0", "max_client_conn": "100"}


def snapshot(name: str, rows: list[Record]) -> Snapshot:
    columns = tuple(rows[0]) if rows else ()
    return Snapshot(name, columns, tuple(tuple(row.values()) for row in rows), NOW)


def judged(
    *pools: Record,
    servers: tuple[Record, ...] = (),
    sessions: tuple[Record, ...] = (),
    holders: tuple[Record, ...] = (),
    state: str = "",
    used: int = 10,
    entry: Record = ENTRY,
    **settings: str,
) -> list[Finding]:
    """The findings about some pools of p1."""
    shown: dict[str, list[Record]] = {
        "pooler_pools": list(pools),
        "pooler_servers": [{**SERVER, **row} for row in servers],
        "held_transactions": [{**HELD, **row} for row in sessions],
        "pooler_databases": [entry],
        "pooler_config": [{"pooler": "p1", "key": key, "value": value} for key, value in (CONFIG | settings).items()],
        "pooler_state": [{"pooler": "p1", "key": "paused", "value": state}] if state else [],
        "vitals": [{**VITALS, "used": used}],
        "lock_queues": [],
        "connection_holders": list(holders),
        "pooler_clients": [],
    }
    return list(exhausted(Frame({name: (snapshot(name, rows),) for name, rows in shown.items()}, NOW)))


LOGIN, SMALL, CONNECTED = "server cannot be logged in to", "pool too small", "held by connected clients"
IDLE_TWO = ({"remote_pid": 1}, {"remote_pid": 2})


@pytest.mark.parametrize(
    ("maxwait", "waiting", "level"),
    [(0.9, 2, None), (1.0, 2, Level.WARNING), (10.0, 2, Level.CRITICAL), (10.0, 0, None)],
)
def test_clients_are_found_once_they_waited_for_a_second(maxwait: float, waiting: int, level: Level | None) -> None:
    found = judged({**POOL, "maxwait": maxwait, "cl_waiting": waiting}, servers=IDLE_TWO)
    assert [one.level for one in found] == ([level] if level else [])


@pytest.mark.parametrize(
    ("changed", "options", "subject", "words", "cause"),
    [
        ({"paused": 1}, {}, "paused shop", "because it is paused", "paused"),
        ({"sv_active": 0}, {"state": "yes"}, "paused pooler", "paused as a whole", "paused"),
        ({"sv_active": 0}, {}, "paused pooler", "paused as a whole, or its last login to a server failed", "paused"),
        ({"sv_active": 0}, {"state": "no"}, "pool servers shop", "no connection is open to 10.0.0.9:5432", LOGIN),
        (
            {"sv_active": 0, "sv_login": 1},
            {},
            "pool servers shop",
            "no connection is open to 10.0.0.9:5432",
            LOGIN,
        ),
        (
            {"sv_active": 1, "pool_size": 9},
            {},
            "pool servers shop",
            "1 server connection is open to 10.0.0.9:5432",
            LOGIN,
        ),
        ({}, {"servers": IDLE_TWO}, "pool shop/app", "all 2 server connections are in use by short", SMALL),
        (
            {"pool_size": 1, "sv_active": 1},
            {"servers": IDLE_TWO[:1]},
            "pool shop/app",
            "the only server connection is in use by short",
            SMALL,
        ),
        ({"pool_size": 9, "max_connections": 2}, {"servers": IDLE_TWO}, "pool database shop", "in use by short", SMALL),
        ({"pool_size": 9, "max_connections": 0}, {"max_user_connections": "2"}, "pool user app", "no server", SMALL),
        ({"pool_size": 9, "max_connections": 3}, {"max_user_connections": "3"}, "pool servers shop", "2 server", LOGIN),
        (
            {"pool_mode": "session"},
            {"servers": IDLE_TWO},
            "pool shop/app",
            "belong to connected clients: web 2",
            CONNECTED,
        ),
    ],
)
def test_the_reason_for_a_wait_is_named(
    changed: dict[str, object], options: dict[str, object], subject: str, words: str, cause: str
) -> None:
    (found,) = judged({**POOL, **changed}, **options)  # type: ignore[arg-type]
    assert found.subject == subject
    assert words in found.sentence
    first = found.evidence[0]
    assert (first.value, first.pane, first.view, first.row) == (cause, "pooler", "doctor", {"subject": cause})
    assert "2 clients have waited for 2.0s" in found.sentence


def test_idle_clients_of_a_session_pool_are_ended_by_role_and_moment() -> None:
    """Later planned, they can only be fewer than now."""
    holder: Record = {"application": "web", "idle": 3, "median_idle": 9.0, "half_idle_since": NOW}
    rows = ({**holder, "user": SERVER["user"]}, {**holder, "user": "other", "median_idle": 99.0})
    (found,) = judged({**POOL, "pool_mode": "session"}, servers=IDLE_TWO, holders=rows)
    (fix,) = found.fixes
    assert fix.action == "terminate-idle"
    assert fix.parameters == {"application": "web", "user": SERVER["user"], "idle-since": str(NOW)}
    assert fix.effect.startswith("terminate up to 2 sessions idle for 9.0s or longer of web")


@pytest.mark.parametrize(
    ("sessions", "held"),
    [
        ([{"pid": 1}], True),  # one of two
        ([{"pid": 1, "state_age": 0.9, "xact_age": 4.9}], False),  # between two statements
        ([{"pid": 1, "state": "active", "xact_age": 4.9}], False),
        ([{"pid": 1, "state": "active", "xact_age": 5.0}], True),
        ([{"pid": 1, "user": "other"}], False),  # the same pid on another server
        ([], False),
    ],
)
def test_open_transactions_hold_a_pool_from_a_duration_on(sessions: list[Record], held: bool) -> None:
    (found,) = judged(POOL, servers=IDLE_TWO, sessions=tuple(sessions))
    assert ("held by open transactions, longest by web at 10.0.0.4:5000" in found.sentence) is held
    assert (found.blames == (f"session 1 {HELD['backend_start']}",)) is held
    actions = [(fix.action, fix.parameters["pid"]) for fix in found.fixes]
    active = sessions and sessions[0].get("state") == "active"
    assert actions == ([("cancel-backend" if active else "terminate-backend", "1")] if held else [])


def test_one_held_server_of_three_is_not_why_they_are_all_in_use() -> None:
    servers = tuple({"remote_pid": pid} for pid in (1, 2, 3))
    (found,) = judged({**POOL, "sv_active": 3}, servers=servers, sessions=({"pid": 1},))
    assert "in use by short transactions" in found.sentence


@pytest.mark.parametrize(("used", "blamed"), [(70, ()), (90, ("connections",))])
def test_a_server_without_free_connections_explains_why_no_more_can_be_opened(
    used: int, blamed: tuple[str, ...]
) -> None:
    (found,) = judged({**POOL, "sv_active": 0}, used=used, state="no")
    assert found.blames == blamed


def test_pools_that_wait_for_the_same_reason_are_one_finding() -> None:
    other = {**POOL, "user": "report", "maxwait": 4.0, "cl_waiting": 5}
    (found,) = judged({**POOL, "paused": 1}, {**other, "paused": 1})
    assert "7 clients have waited for 4.0s" in found.sentence
    assert "shop/report, shop/app" in found.detail


def test_two_poolers_with_the_same_pool_are_two_findings() -> None:
    found = judged({**POOL, "paused": 1}, {**POOL, "pooler": "p2", "paused": 1})
    assert [one.subject for one in found] == ["paused shop at p1", "paused shop at p2"]


def test_a_disabled_database_is_found_although_nobody_can_wait_for_it() -> None:
    (found,) = judged({**POOL, "cl_waiting": 0}, entry=DISABLED)
    assert found.sentence == "database shop of PgBouncer is disabled: new clients are refused"


@pytest.mark.parametrize(
    ("pool", "options", "action", "parameters"),
    [
        ({"paused": 1}, {}, "pooler-resume", {"database": "shop", "pooler": "p1"}),
        ({"sv_active": 0}, {"state": "yes"}, "pooler-resume", {"pooler": "p1"}),
        (
            {"cl_waiting": 0},
            {"entry": {**ENTRY, "disabled": True}},
            "pooler-enable",
            {"database": "shop", "pooler": "p1"},
        ),
    ],
)
def test_what_is_stopped_can_be_started_again_by_the_fix(
    pool: Record, options: dict[str, Any], action: str, parameters: dict[str, str]
) -> None:
    (found,) = judged({**POOL, **pool}, **options)
    assert [(fix.action, fix.parameters) for fix in found.fixes] == [(action, parameters)]


@pytest.mark.parametrize(("limit", "level"), [("7", None), ("6", Level.WARNING), ("5", Level.CRITICAL), ("0", None)])
def test_clients_near_max_client_conn_are_found(limit: str, level: Level | None) -> None:
    found = judged({**POOL, "maxwait": 0}, max_client_conn=limit)
    assert [one.level for one in found] == ([level] if level else [])


def test_the_console_of_the_pooler_is_no_pool() -> None:
    assert not judged({**POOL, "database": "pgbouncer", "user": "pgbouncer"})


@pytest.mark.parametrize("query", ["pooler_databases", "pooler_config"])
def test_that_no_client_is_refused_is_not_claimed_where_it_cannot_be_read(query: str) -> None:
    shown = {"pooler_pools": (snapshot("pooler_pools", [{**POOL, "cl_waiting": 0}]),)}
    with pytest.raises(CannotTell, match="not allowed"):
        list(exhausted(Frame(shown, NOW, troubles={query: Trouble(Kind.DENIED, "SHOW is not allowed.")})))


@pytest.mark.parametrize(("is_known", "claims"), [(True, False), (False, True)])
def test_a_limit_that_could_not_be_read_may_be_why_no_server_is_opened(is_known: bool, claims: bool) -> None:
    shown = {"pooler_pools": (snapshot("pooler_pools", [{**POOL, "pool_size": 9}]),)}
    troubles = {} if is_known else {"pooler_config": Trouble(Kind.DENIED, "SHOW is not allowed.")}
    (found,) = exhausted(Frame(shown, NOW, troubles=troubles))
    assert ("max_user_connections" in found.sentence) is claims


def test_without_a_pooler_nothing_is_claimed() -> None:
    missing = {"pooler_pools": Trouble(Kind.MISSING, "There is no pooler to look at.", "Give --pooler")}
    frame = Frame({}, NOW, troubles=missing)
    with pytest.raises(CannotTell, match="no pooler"):
        list(exhausted(frame))
    asks = {ask.query: ask for ask in POOL_EXHAUSTED.asks}
    assert not any(ask.only_if(frame) for ask in asks.values() if ask.only_if and ask.query.startswith("pooler"))


@contextmanager
def behind_a_lock(stage: Stage) -> Iterator[tuple[str, str]]:
    """The statements of a pool want what a session outside the pool has locked."""
    stage.open("nightly-job").execute("SELECT pg_advisory_lock(17)")
    with pools.exhausted(stage, "SELECT pg_advisory_lock(17)", "default_pool_size"):
        yield "blocking-session", "nightly-job"


@contextmanager
def idle_in_transaction(stage: Stage) -> Iterator[tuple[str, str]]:
    """A session of the pool is idle in its transaction for so long that it is a finding of its own."""
    with pools.exhausted(stage, "BEGIN; SELECT 1", "default_pool_size", clients=1):
        yield "idle-in-transaction", "checkout-web"


@pytest.mark.parametrize("fault", [behind_a_lock, idle_in_transaction])
async def test_a_pool_is_a_symptom_of_the_session_that_holds_its_servers(
    pg: PostgresServer,
    database: str,
    sessions: Sessions,
    tmp_path: Path,
    pgbouncer: Callable[[PostgresServer, str], Pooler],
    fault: Callable[[Stage], AbstractContextManager[tuple[str, str]]],
) -> None:
    pooler = pgbouncer(pg, database)
    settings = sooner(config.load(environ={}), idle_in_transaction_seconds=Limit(0.2))
    desk = Desk(pg, database, Trail(tmp_path / "audit.jsonl"), settings, poolers=(pooler.admin_uri,))
    judges = [one for one in DIAGNOSES if one.name in {"blocking-session", "idle-in-transaction", "pool-exhausted"}]
    async with desk.workspace() as workspace:
        observer = Observer(workspace.sources, judges, settings.thresholds)
        with fault(Stage(desk, sessions, pooler)) as (rule, named):

            async def folded() -> bool:
                found = (await observer.look(everything=True)).findings
                return len(found) == 1 and (found[0].rule, any("wait" in one for one in found[0].explains)) == (
                    rule,
                    True,
                )

            await eventually(folded)
            assert named in observer.verdict.findings[0].sentence
            assert f"pool {database}/pipeline_app: 1 client has waited" in " ".join(
                observer.verdict.findings[0].explains
            )


@pytest.mark.parametrize(
    ("version", "config", "cves"),
    [
        ((1, 26, 1), {"ignore_startup_parameters": "search_path"}, set()),
        ((1, 26, 0), {}, {"107350"}),
        ((1, 26, 0), {"ignore_startup_parameters": "extra_float_digits"}, {"107350", "107349"}),
        ((1, 26, 0), {"ignore_startup_parameters": "extra_float_digits, options"}, {"107350"}),
        ((1, 26, 0), {"max_packet_size": "2147483649"}, {"107350", "107348"}),
        ((1, 26, 0), {"max_packet_size": "2147483647"}, {"107350"}),
        ((1, 25, 2), {"stats_users": "stats"}, {"107350", "6669"}),
        ((1, 25, 1), {"stats_users": "stats"}, {"107350", "6664", "6665", "6666", "6667", "6669"}),
        ((1, 23, 1), {"stats_users": "stats"}, {"107350", "6664", "6665", "6666", "6669"}),
        ((1, 25, 1), {"track_extra_parameters": "IntervalStyle, search_path"}, {*OLD, "107350"}),
        ((1, 25, 0), {"track_extra_parameters": "IntervalStyle, search_path"}, {*OLD, "107350", "12819"}),
        ((1, 25, 0), {"track_extra_parameters": "IntervalStyle"}, {*OLD, "107350"}),
        (
            (1, 24, 0),
            {"auth_query": "SELECT passwd FROM pg_shadow"},
            {*OLD, "107350", "2291"},
        ),
        ((1, 24, 1), {"auth_query": "SELECT passwd FROM pg_shadow"}, {*OLD, "107350"}),
        ((1, 16, 1), {"auth_query": "SELECT * FROM lookup($1)"}, OLD),
    ],
)
def test_vulnerabilities_are_known_by_version_and_configuration(
    version: tuple[int, int, int], config: dict[str, str], cves: set[str]
) -> None:
    assert {each.cve.rpartition("-")[2] for each in known(version, config)} == cves


def test_a_vulnerable_pooler_is_named_with_the_version_that_fixes_it() -> None:
    versions = [{"pooler": "p1", "version": "PgBouncer 1.25.2"}, {"pooler": "p2", "version": "PgBouncer 1.26.1"}]
    config = [{"pooler": pooler, "key": "auth_type", "value": "md5"} for pooler in ("p1", "p2")]
    shown = {"pooler_version": versions, "pooler_config": config}
    (found,) = vulnerable(Frame({name: (snapshot(name, rows),) for name, rows in shown.items()}, NOW))  # type: ignore[arg-type]
    assert found.sentence.startswith("PgBouncer 1.25.2 at p1 has 2 known vulnerabilities: CVE-2026-107350 (")
    assert found.sentence.endswith("1.26.1 fixes all")

"""What the rules seldom read waits for its turn, so that a server is not asked for everything at once."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest

from console.model import (
    APPLICATION_NAME,
    CHANGES,
    OFTEN,
    RARELY,
    SELDOM,
    Ask,
    CannotTell,
    Diagnosis,
    Finding,
    Frame,
    Snapshot,
    Unknown,
    Urgency,
    View,
)
from console.panes.bloat import TABLES
from console.rules.judging import Verdict
from console.sources.postgres import PostgresServer
from console.sources.registry import Sources
from console.watching.credit import Credit
from console.watching.findings import summary
from console.watching.observer import Observer
from console.watching.spread import LISTED, MANY, PER_SECOND, PER_SECOND_THEN, START, Spread
from tests.servers import PostgresServer as Cluster

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
NOW = Ask("vitals", every=OFTEN)


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.at = NOON

    def __call__(self) -> datetime:
        return self.at

    def pass_by(self, seconds: float) -> None:
        """So many seconds pass."""
        self.at += timedelta(seconds=seconds)


def rule(name: str, urgency: Urgency, *asks: Ask) -> Diagnosis:
    """A rule that reads what it asks for and finds nothing."""

    def judge(frame: Frame) -> Iterable[Finding]:
        for ask in asks:
            frame.rows(ask.query)
        return ()

    return Diagnosis(name, name, urgency, asks, judge)


@asynccontextmanager
async def observing(pg: Cluster, *rules: Diagnosis) -> AsyncIterator[tuple[Observer, list[str], Clock]]:
    """What evaluates the rules little by little, what it asked in turn, and its clock."""
    server, asked, clock = PostgresServer(pg.uri("postgres")), list[str](), Clock()
    sources = Sources(server)
    sources.be_heard(lambda _, query, *__: asked.append(query))
    try:
        yield Observer(sources, rules, {}, now=clock, spreads=True), asked, clock
    finally:
        await server.close()


async def test_the_first_look_reads_what_is_urgent_and_says_what_follows(any_pg: Cluster) -> None:
    rules = (rule("urgent", Urgency.NOW, NOW), rule("care", Urgency.CARE, Ask("md5_roles", every=RARELY)))
    async with observing(any_pg, *rules) as (observer, asked, clock):
        verdict = await observer.look()
        assert (asked, set(verdict.judged), set(observer.to_follow)) == (["vitals"], {"urgent"}, {"care"})
        assert observer.next_turn == 0.0
        clock.pass_by(2)
        verdict = await observer.look()
        assert (asked, set(verdict.judged), set(observer.to_follow)) == (
            ["vitals", "md5_roles"],
            {"urgent", "care"},
            set(),
        )
        assert observer.next_turn == math.inf


async def test_the_most_urgent_is_read_first(any_pg: Cluster) -> None:
    rules = (
        rule("care", Urgency.CARE, Ask("md5_roles", every=RARELY)),
        rule("care too", Urgency.CARE, Ask("extension_versions", every=SELDOM)),
        rule("soon", Urgency.SOON, Ask("transaction_ages", every=RARELY)),
        rule("now", Urgency.NOW, Ask("archiver", every=SELDOM)),
    )
    async with observing(any_pg, *rules) as (observer, asked, clock):
        while len(asked) < 4:
            clock.pass_by(100)
            await observer.look()
    assert asked[:4] == ["archiver", "transaction_ages", "extension_versions", "md5_roles"]


async def test_after_a_change_nothing_waits(any_pg: Cluster) -> None:
    async with observing(any_pg, rule("care", Urgency.CARE, Ask("md5_roles", every=RARELY))) as (observer, asked, _):
        await observer.look()
        observer.expire()
        await observer.look()
        assert asked == ["md5_roles"]


async def test_what_another_reading_decides_on_is_not_read_before_it(any_pg: Cluster) -> None:
    def reads_it(frame: Frame) -> bool:
        return bool(frame.rows("md5_roles")) or True

    asks = (Ask("md5_roles", every=RARELY), Ask("archiver", every=SELDOM, only_if=reads_it))
    async with observing(any_pg, rule("care", Urgency.CARE, *asks)) as (observer, asked, clock):
        await observer.look()
        assert not asked
        clock.pass_by(2)
        await observer.look()
        assert asked == ["md5_roles", "archiver"]


async def test_what_waits_does_not_say_that_the_server_is_away(
    any_pg: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with observing(any_pg, rule("care", Urgency.CARE, Ask("md5_roles", every=RARELY))) as (observer, _, clock):
        await observer.look()
        clock.pass_by(2)
        await observer.look()
        assert not observer.to_follow
        with any_pg.connect() as other:
            query = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s"
            other.execute(query, (APPLICATION_NAME,))
        clock.pass_by(RARELY)
        await observer.look()
        assert observer.unreachable is not None
        monkeypatch.setattr(Spread, "is_on", property(lambda _: False))
        await observer.look()
        assert observer.unreachable is None


async def test_all_is_read_at_once_where_it_is_asked_for(any_pg: Cluster) -> None:
    async with observing(any_pg, rule("care", Urgency.CARE, Ask("md5_roles", every=RARELY))) as (observer, asked, _):
        await observer.look(everything=True)
        assert asked == ["md5_roles"]


@pytest.mark.parametrize(
    ("steps", "is_left", "seconds_left"),
    [
        ((), False, 0),
        ((lambda credit: credit.earn(1),), True, 0),
        ((lambda credit: credit.earn(1), lambda credit: credit.spend(2)), False, 1),
        ((lambda credit: credit.earn(100), lambda credit: credit.spend(6)), False, 1),  # it holds 5
        ((lambda credit: credit.spend(100), lambda credit: credit.earn(6)), True, 0),  # it owes 5
        ((lambda credit: credit.earn(1), lambda credit: credit.earn(-100)), True, 0),  # the clock was set back
    ],
)
def test_credit_is_bounded_both_ways(
    steps: Iterable[Callable[[Credit], None]], is_left: bool, seconds_left: float
) -> None:
    credit = Credit(0.0, 5.0, 1.0)
    for step in steps:
        step(credit)
    assert (credit.is_left, credit.seconds_left) == (is_left, seconds_left)


def test_the_way_to_the_server_and_back_is_not_its_work() -> None:
    spread = Spread((), ())
    spread.begin_look(0)
    spread.begin_look(2)
    spread.notice(NOW, taken(0.3))
    for _ in range(100):
        spread.spend(0.3)
    assert spread.is_on
    spread.spend(0.4)
    assert not spread.is_on


def taken(seconds: float, rows: int = 0) -> Snapshot:
    """A reading of so many rows that took so long."""
    return Snapshot("md5_roles", (), ((),) * rows, NOON, seconds)


@pytest.mark.parametrize(
    ("urgency", "view", "rows", "due", "is_slow"),
    [
        (Urgency.CARE, TABLES, 500, {}, True),
        (Urgency.SOON, TABLES, 500, {}, True),
        (Urgency.NOW, TABLES, 500, {}, False),
        (Urgency.CARE, TABLES, 499, {}, False),  # on a small server all rules are evaluated within seconds
        (Urgency.CARE, None, 500, {}, False),  # statements are many on any server
        (Urgency.CARE, TABLES, 500, {"md5_roles": NOON}, False),  # it was read before, and is not read later for that
    ],
)
def test_a_large_server_is_read_slowly_where_nothing_hurts(
    urgency: Urgency, view: View | None, rows: int, due: dict[str, datetime], is_slow: bool
) -> None:
    ask = Ask("md5_roles", every=RARELY)
    spread = Spread((rule("any", urgency, ask),), (ask,))
    spread.notice(Ask("other", view=view), taken(0.0, rows))
    for _ in range(2):
        spread.begin_look(0)
    assert spread.in_order([ask], due) == [ask]
    spread.spend(0.15)
    assert spread.seconds_left == pytest.approx((0.15 - START) / (PER_SECOND_THEN if is_slow else PER_SECOND))
    spread.begin_look(spread.seconds_left + 0.1)
    assert spread.is_on


@pytest.mark.parametrize(("listed", "is_slow"), [(MANY, True), (MANY - 1, False), (None, False)])
def test_a_large_server_is_known_before_anything_that_costs_much_is_read(listed: int | None, is_slow: bool) -> None:
    ask = Ask("md5_roles", every=RARELY)
    spread = Spread((rule("any", Urgency.CARE, ask),), (ask,))
    spread.notice(Ask(CHANGES), Snapshot(CHANGES, (LISTED,), ((listed,),), NOON))
    for _ in range(2):
        spread.begin_look(0)
    spread.in_order([ask], {})
    spread.spend(0.15)
    assert spread.seconds_left == pytest.approx((0.15 - START) / (PER_SECOND_THEN if is_slow else PER_SECOND))


async def test_the_changes_say_how_many_relations_there_are(any_pg: Cluster) -> None:
    database = any_pg.fresh_database()
    server = PostgresServer(any_pg.uri(database))
    with any_pg.connect(database) as connection:
        connection.execute("ANALYZE pg_class")
        connection.commit()
        found = connection.execute("SELECT count(*) FROM pg_class").fetchone()
    taken = await server.fetch(CHANGES)
    await server.close()
    assert found is not None
    assert abs(float(str(taken.values(LISTED)[0])) - found[0]) < 50


def test_a_summary_says_which_rules_follow() -> None:
    unknown = (Unknown("later", str(CannotTell("x"))), Unknown("never", "There is no pooler to look at"))
    verdict = Verdict(unknown=unknown, judged=frozenset({"a", "b"}))
    said = summary(verdict, 0, {"later"})
    assert said == (
        "No findings so far: 2 rules evaluated, 1 to follow, 1 could not be (never: There is no pooler to look at)."
    )

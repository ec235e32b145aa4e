"""What the log says, where it can be read: logins that fail, and what it adds to other findings.

For those it is read only while the metrics show that something happened.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from console.format import age, count, counted, one_line
from console.model import Ask, CannotTell, Diagnosis, Evidence, Finding, Frame, Record, Urgency
from console.rules.findings.wording import listed, number
from console.rules.server import FAILED_LOGINS

LOGGED_DEADLOCK, LOGGED_CANCELLED = "deadlock", "autovacuum cancelled"  # kinds of entries
LOGGED_ARCHIVING, LOGGED_REFUSED = "archiving failed", "no partition"
_KINDS = "log_kinds"
MOST = 400  # characters of an entry
_LOGINS = "log_logins"
EVERY = 10.0  # seconds
NAMED = 3  # users and addresses of failed logins that are named


def ask_log(every: float, only_if: Callable[[Frame], bool]) -> Ask:
    """What the log was about, read at most so often, and only while `only_if` says that it is worth it."""
    return Ask(_KINDS, "log", every, only_if=only_if, optional=True)


def logged(frame: Frame, kind: str, label: str) -> Iterator[Evidence]:
    """The last entry of a kind as evidence; nothing where the log cannot be read, or has none."""
    row = last_logged(frame, kind)
    if row is not None:
        said = f"{one_line(row['what'])[:MOST]} ({age(row['last'])} ago)"
        yield Evidence(label, said, "log", "entries", {"kind": kind})


def last_logged(frame: Frame, kind: str) -> Record | None:
    """The last entry of a kind, with how many there were; None: the log cannot be read, or has none."""
    try:
        rows = frame.rows(_KINDS)
    except CannotTell:
        return None
    return next((row for row in rows if row["kind"] == kind), None)


def failed(frame: Frame) -> Iterable[Finding]:
    """One finding that names who failed most often, and from where. Raises CannotTell if the log cannot be read."""
    rows = sorted((row for row in frame.rows(_LOGINS) if row["m1"]), key=lambda row: -number(row["m1"]))
    total = int(sum(number(row["m1"]) for row in rows))
    level = frame.level(FAILED_LOGINS, total)
    if not level:
        return
    first, others = rows[0], rows[1:NAMED]
    most = "all" if len(rows) == 1 else f"{count(number(first['m1']))} of them"
    more = [f"{count(number(row['m1']))} {_who(row)}" for row in others]
    unnamed = len(rows) - 1 - len(others)
    yield Finding(
        rule="failed-logins",
        subject="logins",
        level=level,
        sentence=f"{counted(total, 'login', shown=count)} failed in the last minute, "
        f"{most} {_who(first)}: {one_line(first['what'])}",
        detail="; ".join(
            part
            for part in (
                f"others: {listed(more)}" if more else "",
                f"and {counted(unnamed, 'more user or address', 'more users or addresses')}" if unnamed else "",
                "correct what the application logs in with, or keep the address out by pg_hba.conf or a firewall",
            )
            if part
        ),
        evidence=(
            Evidence("last one", f"{age(number(first['last']))} ago", "log", "everywhere", {"kind": "failed login"}),
        ),
        harm=total,
    )


def _who(row: Record) -> str:
    user = f"as {one_line(row['user'])}" if row["user"] else "without a user"
    return f"{user} from {one_line(row['client'])}" if row["client"] else user


FAILED_LOGIN = Diagnosis(
    name="failed-logins",
    title="Logins fail again and again",
    urgency=Urgency.SOON,
    asks=(Ask(_LOGINS, "log", every=EVERY),),
    judge=failed,
    rules=(FAILED_LOGINS,),
    misses="It reads the server's log, where the role may; without log_line_prefix with %u and %h, csvlog or jsonlog, "
    "who failed is not known.",
)

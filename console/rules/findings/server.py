"""The server's versions, passwords and checksums."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from console.format import age, in_words, one_line
from console.model import (
    EXTENSIONS,
    OFTEN,
    RARELY,
    ROLES,
    Ask,
    CannotTell,
    Diagnosis,
    Evidence,
    Finding,
    Fix,
    Frame,
    Level,
    Urgency,
)
from console.rules.findings.wording import counted, database_place, listed, number
from console.rules.server import CLOCK_BEHIND_SECONDS, END_OF_LIFE

NOTICE_BEFORE = timedelta(days=180)
MD5_WARNS = 19  # the version from which on each login with an MD5 password warns


def unsupported(frame: Frame) -> Iterable[Finding]:
    """A finding once the server's major version gets no more fixes, or soon will."""
    if frame.facts is None:
        raise CannotTell("The server's version is not known yet.")
    end = END_OF_LIFE.get(frame.facts.major)
    today = frame.at.astimezone(UTC).date()
    if end is None or today < end - NOTICE_BEFORE:
        return
    over = today >= end
    yield Finding(
        rule="end-of-life",
        subject="server version",
        level=Level.WARNING if over else Level.NOTICE,
        sentence=f"PostgreSQL {frame.facts.major} "
        + (f"has had no fixes since {end}" if over else f"gets no more fixes from {end} on"),
        detail=f"this server runs {one_line(frame.facts.version_text)}; newer major versions are supported for 5 years",
        evidence=(Evidence("in the way of an upgrade", "what the view lists", "server", "upgrade"),),
        since=datetime(end.year, end.month, end.day, tzinfo=UTC) if over else None,
        harm=-1.0,  # nothing fails because of it today: what does, however little, comes first
    )


def clock(frame: Frame) -> Iterable[Finding]:
    """A finding while sessions are said to have begun later than now."""
    behind = number(frame.row("vitals").get("clock_behind"))
    level = frame.level(CLOCK_BEHIND_SECONDS, behind)
    if level:
        yield Finding(
            rule="clock-set-back",
            subject="server clock",
            level=level,
            sentence=f"the server's clock was set back: a session began its statement {in_words(behind)} after now",
            detail="until then, ages of what began before the change are too small, and so is what is judged by them; "
            "now() may repeat values that rows already have",
            evidence=(Evidence("sessions", "", "connections"),),
        )


def checksums(frame: Frame) -> Iterable[Finding]:
    """A finding for each database with blocks whose checksum failed. Raises CannotTell without data checksums."""
    rows = frame.rows("database_counters")
    if all(row["checksum_failures"] is None for row in rows):
        raise CannotTell("The cluster has no data checksums.", "pg_checksums --enable, while the server is stopped.")
    for row in rows:
        failed = int(number(row["checksum_failures"]))
        if failed:
            yield Finding(
                rule="checksum-failure",
                subject=f"checksums {row['database']}",
                level=Level.CRITICAL,
                sentence=f"{counted(failed, 'block')} of database {one_line(row['database'])} failed the checksum, "
                f"last {age(row['checksum_failure_age'])} ago: its storage returns corrupted data",
                detail="the server's log names the blocks; restore them from a backup, and check the disk",
                evidence=(Evidence("blocks since the reset", f"{failed:,}", *database_place(row)),),
            )


def md5_passwords(frame: Frame) -> Iterable[Finding]:
    """One finding for all roles with an MD5 password."""
    names = [row["role"] for row in frame.rows("md5_roles")]
    roles = [one_line(name) for name in names]
    if roles:
        upgrades = frame.facts is not None and frame.facts.major < MD5_WARNS  # the view lists them for that version
        yield Finding(
            rule="md5-password",
            subject="md5 passwords",
            level=Level.NOTICE,
            sentence=f"{counted(len(roles), 'role has', 'roles have')} an MD5 password: {listed(roles)}",
            detail="set each password again with password_encryption = scram-sha-256 (\\password in psql)",
            evidence=tuple(
                Evidence("role", one_line(name), "server", "upgrade", {"subject": f"role {name}"})
                for name in names[:3]
                if upgrades
            ),
        )


def extensions(frame: Frame) -> Iterable[Finding]:
    """A finding for each extension of another version than the server's files have."""
    for row in frame.rows("extension_versions"):
        name, offered = one_line(row["extension"]), row["default_version"]
        fix = Fix("create-extensions", {"extensions": str(row["extension"])}, f"update it to {one_line(offered)}")
        yield Finding(
            rule="extension-version",
            subject=f"extension {row['extension']}",
            level=Level.NOTICE if row["available"] else Level.WARNING,
            sentence=f"extension {name} has version {one_line(row['version'])}, "
            + (f"the server's files have {one_line(offered)}" if offered else "and the server's files lack it"),
            detail="" if offered else "its functions fail until its package is installed again",
            fixes=(fix,) if offered else (),
        )


END_OF_LIFE_VERSION = Diagnosis(
    "end-of-life",
    "The server's major version gets no more fixes",
    Urgency.CARE,
    (Ask("vitals"),),
    unsupported,
)
CLOCK_SET_BACK = Diagnosis(
    "clock-set-back",
    "The server's clock was set back",
    Urgency.SOON,
    (Ask("vitals", every=OFTEN),),
    clock,
    rules=(CLOCK_BEHIND_SECONDS,),
    misses="A clock that was set forward makes ages too large; that looks the same as old sessions.",
)
CHECKSUM_FAILURE = Diagnosis(
    "checksum-failure",
    "Blocks failed their checksum",
    Urgency.CARE,
    (Ask("database_counters", every=2 * OFTEN),),
    checksums,
)
MD5_PASSWORD = Diagnosis(
    "md5-password",
    "Roles with MD5 passwords, which a later version no longer accepts",
    Urgency.CARE,
    (Ask("md5_roles", every=RARELY, on_change=ROLES),),
    md5_passwords,
)
EXTENSION_VERSION = Diagnosis(
    "extension-version",
    "An extension of another version than the server's files have",
    Urgency.CARE,
    (Ask("extension_versions", every=RARELY, on_change=EXTENSIONS),),
    extensions,
)

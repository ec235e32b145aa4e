"""Known vulnerabilities of PgBouncer, by its version and configuration."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from console.format import one_line
from console.later import late
from console.model import OFTEN, Ask, CannotTell, Diagnosis, Evidence, Finding, Frame, Level, Urgency
from console.records import dataclass
from console.rules.findings.wording import counted, listed

Version = tuple[int, int, int]
Config = Mapping[str, str]
POOLER = "pgbouncer"
_VERSION = late(r"(\d+)\.(\d+)\.(\d+)")


@dataclass(frozen=True, slots=True)
class Vulnerability:
    """One CVE: the first version that has it, the first one without it, and what it allows."""

    cve: str
    since: Version
    fixed: Version
    harm: str
    applies: Callable[[Config], bool] = lambda _: True  # whether the configuration leaves it exploitable


def _expired_passwords(config: Config) -> bool:
    query = config.get("auth_query", "").lower()
    return "pg_shadow" in query and "valuntil" not in query


def _search_path(config: Config) -> bool:
    return "search_path" in config.get("track_extra_parameters", "")


def _ignored_parameters(config: Config) -> bool:
    ignored = {name.strip() for name in config.get("ignore_startup_parameters", "").split(",")} - {""}
    return bool(ignored) and "options" not in ignored


def _large_packets(config: Config) -> bool:
    size = config.get("max_packet_size", "")
    return size.isdigit() and int(size) > 2**31


# The changelog, https://www.pgbouncer.org/changelog.html, and the records of the CVEs; the worst first.
VULNERABILITIES: tuple[Vulnerability, ...] = (
    Vulnerability("CVE-2026-107350", (1, 17, 0), (1, 26, 1), "a user can log in as another one with SCRAM"),
    Vulnerability("CVE-2026-6664", (0, 0, 0), (1, 25, 2), "any client can crash it"),
    Vulnerability("CVE-2025-12819", (1, 20, 0), (1, 25, 1), "any client can run SQL", _search_path),
    Vulnerability("CVE-2026-107349", (1, 20, 0), (1, 26, 1), "any client can stop it", _ignored_parameters),
    Vulnerability("CVE-2026-107348", (1, 21, 0), (1, 26, 1), "a client can stop it", _large_packets),
    Vulnerability("CVE-2025-2291", (0, 0, 0), (1, 24, 1), "expired passwords are accepted", _expired_passwords),
    Vulnerability(
        "CVE-2026-6667",
        (1, 24, 0),
        (1, 25, 2),
        "users of stats_users can disconnect clients",
        lambda config: bool(config.get("stats_users")),
    ),
    Vulnerability("CVE-2026-6665", (0, 0, 0), (1, 25, 2), "a malicious server can crash it"),
    Vulnerability("CVE-2026-6666", (0, 0, 0), (1, 25, 2), "a malicious server can crash it"),
    Vulnerability("CVE-2026-6669", (0, 0, 0), (1, 26, 0), "a malicious server can stop it"),
)


def known(version: Version, config: Config) -> list[Vulnerability]:
    """The vulnerabilities of a PgBouncer of that version with that configuration."""
    return [each for each in VULNERABILITIES if each.since <= version < each.fixed and each.applies(config)]


def parsed(text: str) -> Version | None:
    """The version in what SHOW VERSION returns."""
    match = _VERSION.search(text)
    return (int(match[1]), int(match[2]), int(match[3])) if match else None


def vulnerable(frame: Frame) -> Iterable[Finding]:
    """A finding for each PgBouncer of a version with known vulnerabilities. Raises CannotTell if that is not known."""
    rows = frame.rows("pooler_version")
    for row in rows:
        text = str(row["version"])
        version = parsed(text)
        if version is None:
            raise CannotTell(f"The version of PgBouncer {one_line(row['pooler'])} is not known: {one_line(text)}.")
        config = {
            str(each["key"]): str(each["value"] or "")
            for each in frame.rows("pooler_config")
            if each["pooler"] == row["pooler"]
        }
        found = known(version, config)
        if found:
            yield _finding(str(row["pooler"]), ".".join(map(str, version)), found)


def _finding(pooler: str, version: str, found: list[Vulnerability]) -> Finding:
    fixed = ".".join(str(part) for part in max(each.fixed for each in found))
    them = "it" if len(found) == 1 else "all"
    many = counted(len(found), "known vulnerability", "known vulnerabilities")
    return Finding(
        rule="pgbouncer-cve",
        subject=f"PgBouncer {pooler} before {fixed}",
        level=Level.NOTICE,
        sentence=f"PgBouncer {version} at {one_line(pooler)} has {many}: "
        f"{listed([f'{each.cve} ({each.harm})' for each in found], 2)}; {fixed} fixes {them}",
        detail="unless its package has the fixes under the same version: see the package's changelog",
        evidence=tuple(Evidence(each.cve, each.harm, "pooler", "doctor", {"subject": each.cve}) for each in found),
    )


PGBOUNCER_CVE = Diagnosis(
    "pgbouncer-cve",
    "A PgBouncer has known vulnerabilities",
    Urgency.CARE,
    (Ask("pooler_version", POOLER, 2 * OFTEN), Ask("pooler_config", POOLER, 2 * OFTEN)),
    vulnerable,
)

"""The settings: the bundled config/console.yml, overridden by the user's file, as frozen values.

The user's file is `--config FILE`, else $PIPELINE_CONSOLE_CONFIG, else $XDG_CONFIG_HOME/pipeline-console/console.yml.
A file that is named must exist; the last one need not.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import field
from pathlib import Path
from typing import Any

from console.format import safe
from console.later import late
from console.model import Kind, Limit, Trouble
from console.records import dataclass
from console.settings import blackouts, capacity, deliveries, jobs, yamlfile
from console.settings.blackouts import Blackout
from console.settings.capacity import CapacitySettings
from console.settings.defaults import DEFAULTS
from console.settings.deliveries import Delivery
from console.settings.jobs import JobSettings
from console.settings.yamlfile import by_name, choice, number, sequence, some_text, table, text
from console.sql import content

_PASSWORD = late(r"://[^/@?]*:[^@]+@|password\s*=", re.IGNORECASE)
_LONGEST = 86400.0

Names = Callable[[], Collection[str]]


@dataclass(frozen=True, slots=True)
class Target:
    """A server that the configuration names."""

    name: str
    uri: str = field(repr=False)  # libpq URI or conninfo; may hold a password
    poolers: tuple[str, ...] = field(default=(), repr=False)  # URIs of PgBouncer admin consoles
    label: str = ""
    redis: str = field(default="", repr=False)  # URI of the Redis that caches brands
    log: str = ""  # file, folder or journald:UNIT of the server's log; empty: it is read through the server
    replicas: Mapping[str, str] = field(default_factory=dict, repr=False)  # its standbys: name → URI or conninfo
    heavy_reads: str = ""  # the replica that the console's heavy reads go to; empty: the server itself


@dataclass(frozen=True, slots=True)
class PartitionPolicy:
    """A table that gets partitions ahead of time."""

    table: str
    key: str
    interval: str = "month"
    months_ahead: int = 3


@dataclass(frozen=True, slots=True)
class ArchivePolicy:
    """A table whose old months are moved to another table."""

    table: str
    archive: str
    key: str
    keep_months: int = 24


PERIODS = {"hour": 3600.0, "day": 86_400.0, "week": 7 * 86_400.0, "month": 31 * 86_400.0}  # seconds


@dataclass(frozen=True, slots=True)
class RefreshPolicy:
    """A materialized view to be refreshed every hour, day, week or month."""

    view: str
    every: str = "day"

    @property
    def seconds(self) -> float:
        """The longest time between two refreshes."""
        return PERIODS[self.every]


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that can be configured."""

    file: str  # the user's file; empty if there is none
    default_target: str
    targets: Mapping[str, Target]
    refresh: Mapping[str, float]  # pane → seconds; only where it differs from the pane's own
    thresholds: Mapping[str, Limit]  # rule → its limits; a rule that is not there has those it declares
    partitions: tuple[PartitionPolicy, ...]
    archives: tuple[ArchivePolicy, ...]
    refreshes: tuple[RefreshPolicy, ...]
    blackouts: tuple[Blackout, ...]
    deliveries: tuple[Delivery, ...]
    jobs: JobSettings
    capacity: CapacitySettings
    keymap: Mapping[str, str]  # id of a binding → key
    theme: str  # dark, light, 16, auto


@dataclass(frozen=True, slots=True)
class Wanted:
    """The servers that the user asked for, with every name resolved. Only the label may be shown."""

    target: str = field(repr=False)  # libpq URI or conninfo; empty: libpq's own environment
    label: str = ""  # the target's name or label in the configuration; empty: host and port stand for it
    poolers: tuple[str, ...] = field(default=(), repr=False)  # URIs of PgBouncer admin consoles
    read_only: bool = False
    pane: str = ""  # the pane to open first; empty: the first one
    guide: bool = False  # open the set-up guide first
    redis: str = field(default="", repr=False)  # URI of the Redis that caches brands; empty: there is none
    pooler_hint: str = ""  # why there is no pooler and how to get one, where that is known
    replicas: tuple[tuple[str, str], ...] = field(default=(), repr=False)  # name and URI; without a name: its host
    heavy_reads: str = ""  # the name of the replica that heavy reads go to; empty: the target itself
    log: str = ""  # where the log is, by the configuration; empty: it is read through the server
    # The options that name the same servers in another command, without passwords; empty: no option did.
    options: str = field(default="", repr=False)


def load(
    file: str = "",
    panes: Collection[str] = (),
    thresholds: Names = tuple,
    rules: Names = tuple,
    environ: Mapping[str, str] = os.environ,
) -> Settings:
    """The settings. Raises Trouble(USAGE) with file, line and key if something is wrong.

    `panes` are the names accepted under `refresh`, `thresholds` returns those under `thresholds`, `rules` those in
    blackout windows; without any, all are.
    """
    path, named = _user_file(file, environ)
    found = _read(path, named)
    if found is None:
        return _settings(DEFAULTS, "")
    own = yamlfile.read(found, str(path), _schema(panes, thresholds(), rules)) or {}
    _keep_secret(path, own.get("targets", {}))
    return _settings(yamlfile.merged(DEFAULTS, own), str(path))


def bundled() -> Mapping[str, Any]:
    """What the bundled config/console.yml says, from which console/settings/defaults.py is written."""
    file = content() / "config" / "console.yml"
    found: Mapping[str, Any] = yamlfile.read(file.read_text(encoding="utf-8"), str(file), _schema((), (), tuple))
    return found


def holds_password(target: str) -> bool:
    """Whether a URI or conninfo seems to contain a password."""
    return bool(_PASSWORD.search(target))


def _user_file(file: str, environ: Mapping[str, str]) -> tuple[Path, bool]:
    named = file or environ.get("PIPELINE_CONSOLE_CONFIG", "")
    if named:
        return Path(named), True
    base = environ.get("XDG_CONFIG_HOME", "")
    folder = Path(base) if Path(base).is_absolute() else Path(environ.get("HOME", "/")) / ".config"
    return folder / "pipeline-console" / "console.yml", False


def _read(path: Path, named: bool) -> str | None:
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        if not named:
            return None
        raise Trouble(Kind.USAGE, f"There is no configuration file {safe(path)}.") from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise Trouble(Kind.USAGE, f"{safe(path)}, line {line}: this is not UTF-8 text.") from None
    except OSError as error:
        raise Trouble(Kind.USAGE, f"The configuration file {safe(path)} cannot be read: {error.strerror}.") from None


def _keep_secret(path: Path, targets: Mapping[str, Mapping[str, Any]]) -> None:
    for name, target in targets.items():
        replicas = target.get("replicas", {}).values()
        uris = (target["uri"], *target.get("poolers", ()), *replicas, target.get("redis", ""))
        secret = any(holds_password(uri) for uri in uris)
        if secret and path.stat().st_mode & 0o077:
            raise Trouble(
                Kind.USAGE,
                f"{safe(path)} holds a password (targets.{safe(name, 80)}) and others may read the file.",
                "chmod 600 the file, or keep the password in ~/.pgpass.",
            )


def _schema(panes: Collection[str], thresholds: Collection[str], rules: Names) -> yamlfile.Reader:
    limits = table(warning=number(0, 1e12), critical=number(0, 1e12))  # either may be left as it is
    months = number(1, 1200, whole=True)
    return table(
        default_target=text,
        targets=by_name(_target()),
        refresh=by_name(number(0.2, _LONGEST), panes),
        thresholds=by_name(limits, thresholds),
        partitions=sequence(
            table(("table", "key"), table=some_text, key=some_text, interval=choice("month"), months_ahead=months)
        ),
        archives=sequence(
            table(("table", "archive", "key"), table=some_text, archive=some_text, key=some_text, keep_months=months)
        ),
        refreshes=sequence(table(("view",), view=some_text, every=choice(*PERIODS))),
        blackouts=sequence(blackouts.reader(rules)),
        deliveries=sequence(deliveries.reader()),
        jobs=jobs.reader(),
        capacity=capacity.reader(),
        keymap=by_name(some_text),
        theme=choice("auto", "dark", "light", "16"),
    )


def _target() -> yamlfile.Reader:
    return table(
        ("uri",),
        uri=some_text,
        poolers=sequence(some_text),
        replicas=by_name(some_text),
        heavy_reads=text,
        label=text,
        redis=some_text,
        log=some_text,
    )


def _settings(values: Mapping[str, Any], file: str) -> Settings:
    return Settings(
        file=file,
        default_target=values["default_target"],
        targets={name: Target(name, **target) for name, target in values["targets"].items()},
        refresh=values["refresh"],
        thresholds={name: Limit(**limit) for name, limit in values["thresholds"].items()},
        partitions=tuple(PartitionPolicy(**policy) for policy in values["partitions"]),
        archives=tuple(ArchivePolicy(**policy) for policy in values["archives"]),
        refreshes=tuple(RefreshPolicy(**policy) for policy in values["refreshes"]),
        blackouts=values["blackouts"],
        deliveries=values["deliveries"],
        jobs=jobs.settings(values["jobs"]),
        capacity=CapacitySettings(**values["capacity"]),
        keymap=values["keymap"],
        theme=values["theme"],
    )

"""Where a fault is injected: a database on a real server, and sessions of other applications."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import psycopg

from console.demo.redis_server import RedisProcess
from console.model import Limit
from console.settings import config
from tests.acting import Desk
from tests.activity import Sessions
from tests.servers import Pooler
from tests.standbys import Standby


@dataclass(frozen=True, slots=True)
class Stage:
    """A database with a table `item` of ten rows, and whom it is visited by."""

    desk: Desk
    sessions: Sessions
    pooler: Pooler | None = None  # before this database
    redis: RedisProcess | None = None  # that caches its brands
    standby: Standby | None = None  # of its server

    def open(self, application: str, **options: Any) -> psycopg.Connection[Any]:
        """A session of the application of that name, in autocommit mode."""
        return self.sessions.open(application_name=application, **options)

    def do(self, *statements: str) -> None:
        """Run statements as the superuser."""
        self.desk.do(*statements)


def sooner(settings: config.Settings, **limits: Limit) -> config.Settings:
    """Settings under which a fault needs no minutes to be one; `limits` by the names of rules."""
    return replace(settings, thresholds={**settings.thresholds, **limits})

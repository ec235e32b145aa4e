"""A table with whole months past their retention, which archive-analytics moves in a few short transactions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from console.running.trail.audit import Trail
from console.settings.config import ArchivePolicy
from tests.acting import Desk
from tests.servers import PostgresServer as Cluster


@pytest.fixture
def desk(pg: Cluster, database: str, tmp_path: Path) -> Desk:
    """A table of two whole months past their retention, and its archive."""
    desk = Desk(pg, database, Trail(tmp_path / "audit.jsonl"))
    desk.do(
        "CREATE TABLE public.facts (id bigint, day date, PRIMARY KEY (id, day)) PARTITION BY RANGE (day)",
        "CREATE TABLE public.archive (LIKE public.facts INCLUDING ALL) PARTITION BY RANGE (day)",
        "CREATE TABLE public.first PARTITION OF public.facts FOR VALUES FROM ('2020-01-01') TO ('2020-02-01')",
        "CREATE TABLE public.second PARTITION OF public.facts FOR VALUES FROM ('2020-02-01') TO ('2020-03-01')",
        "INSERT INTO public.facts VALUES (1, '2020-01-05'), (2, '2020-02-05')",
    )
    policy = ArchivePolicy("public.facts", "public.archive", "day", 1)
    return replace(desk, settings=replace(desk.settings, archives=(policy,)))

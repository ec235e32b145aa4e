"""Which settings are said to wait for a restart."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from console.model import Frame, Snapshot
from console.rules.findings.settings import pending

AT = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("source", "value", "following", "said"),
    [
        ("default", "100", "200", "max_connections 100 → 200"),
        ("configuration file", "auto_explain", "", "max_connections auto_explain → ''"),
        ("default", "100", None, "max_connections"),  # hidden from this role
        ("default", "", "", None),  # its line was added and removed again, which the server still marks
        ("command line", "100", "200", None),
    ],
)
def test_a_restart_is_pending_only_for_what_it_would_change(
    source: str, value: str, following: str | None, said: str | None
) -> None:
    row = {"name": "max_connections", "pending_restart": True, "source": source, "value": value}
    row |= {"next_value": following}
    settings = Snapshot("settings", tuple(row), (tuple(row.values()),), AT)
    found = list(pending(Frame({"settings": (settings,)}, AT)))
    assert [each.sentence.partition(": ")[2] for each in found] == ([said] if said else [])

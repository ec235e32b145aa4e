"""Values as text, and text that a terminal must not obey."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from console.format import FORMATS, MISSING, safe, safe_lines, show, to_json


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        (0, "count", "0"),
        (99_999, "count", "99999"),
        (1_234_567, "count", "1.23M"),
        (0, "size", "0 B"),
        (1023, "size", "1023 B"),
        (1024, "size", "1.00 kB"),
        (1024**3 * 1.5, "size", "1.50 GB"),
        (0.34, "age", "0.3s"),
        (59.9, "age", "59s"),
        (60, "age", "1m"),
        (3600, "age", "1h"),
        (86400 * 3, "age", "3d"),
        (-75, "age", "-1m"),
        (0.05, "ms", "50.0µs"),
        (1500, "ms", "1.50s"),
        (3.333, "rate", "3.33"),
        (0, "size_rate", "0"),
        (2048, "size_rate", "2.00 kB/s"),
        (99.94, "percent", "99.9%"),
        (100, "percent", "100%"),
        (True, "flag", "yes"),
        ([3, 4], "names", "3 4"),
        (datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), "time", "2026-01-02 03:04:05"),
        (date(2026, 1, 2), "time", "2026-01-02"),
        ("infinity", "time", "infinity"),
        ("select\n  1", "query", "select 1"),
        (None, "size", MISSING),
    ],
)
def test_a_value_reads_as_a_dba_writes_it(value: object, kind: str, text: str) -> None:
    assert show(value, kind) == text


@pytest.mark.parametrize("kind", sorted(FORMATS))
@pytest.mark.parametrize(
    "value", ["text", "\x1b[2J", float("inf"), float("nan"), Decimal("1.5"), timedelta(hours=1), [], b"x"]
)
def test_no_value_of_any_kind_breaks_a_format(kind: str, value: object) -> None:
    text = show(value, kind)
    assert "\x1b" not in text
    assert "\n" not in text


@pytest.mark.parametrize(
    ("evil", "harmless"),
    [
        ("\x1b]0;owned\x07", "␛]0;owned␇"),
        ("\x7f", "␡"),
        ("\x9b31m", "\\x9b31m"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("zero\u200bwidth", "zero\\u200bwidth"),
        ("line\u2028break", "line\\u2028break"),
        ("\ud800", "\\ud800"),
        ("[bold]markup[/]", "[bold]markup[/]"),
        ("ordinär 東京", "ordinär 東京"),
    ],
)
def test_nothing_a_server_says_reaches_the_terminal_as_a_command(evil: str, harmless: str) -> None:
    assert safe(evil) == harmless


def test_long_text_is_cut_before_it_is_made_safe() -> None:
    assert safe("\x1b" * 10, limit=4) == "␛␛␛…"


def test_text_of_several_lines_keeps_its_lines_alone() -> None:
    assert safe_lines("a\r\n\tb\x1bc") == "a\n    b␛c"


def test_json_holds_raw_values_in_ascii() -> None:
    rows = {
        "at": datetime(2026, 1, 1, tzinfo=UTC),
        "n": Decimal(2),
        "f": Decimal("2.5"),
        "t": timedelta(minutes=1),
        "x": "\x9b",
    }
    text = to_json(rows)
    assert text.isascii()
    assert json.loads(text) == {"at": "2026-01-01T00:00:00+00:00", "n": 2, "f": 2.5, "t": 60.0, "x": "\x9b"}

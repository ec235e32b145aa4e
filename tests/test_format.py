"""Values as text, and text that a terminal must not obey."""

from __future__ import annotations

import json
import sys
import unicodedata
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from console.format import FORMATS, MISSING, clauses, in_form, safe, safe_lines, show, to_json
from console.worker.events import What, WorkerEvent, line


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        (0, "count", "0"),
        (99_999, "count", "99999"),
        (1_234_567, "count", "1.23M"),
        (1_234_567, "id", "1234567"),
        ("x", "id", "x"),
        (12, "change of count", "+12"),
        (-1_234_567, "change of count", "-1.23M"),
        (0, "change of size", ""),
        (None, "change of ms", MISSING),
        (0, "size", "0 B"),
        (1023, "size", "1023 B"),
        (1024, "size", "1.00 kB"),
        (1024**3 * 1.5, "size", "1.50 GB"),
        (0.34, "age", "0.3s"),
        (59.9, "age", "59s"),
        (60, "age", "1m"),
        (3600, "age", "1h"),
        (86400 * 3, "age", "3d"),
        (-75, "age", "0.0s"),  # of a clock that was set back
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
        (99_999.6, "count", "100000"),
        (100_000, "count", "100k"),
        (999_499, "count", "999k"),
        (999_500, "count", "1.00M"),
        (-1_234_567, "count", "-1.23M"),
        (10**18, "count", "1.00E"),
        (True, "count", "True"),
        (1023.4, "size", "1023 B"),
        (1048575, "size", "1.00 MB"),
        (10 * 1024, "size", "10.0 kB"),
        (100 * 1024, "size", "100 kB"),
        (1024**5, "size", "1.00 PB"),
        (2**63 - 1, "size", "8.00 EB"),
        (2**63 - 1, "count", "9.22E"),
        (-2048, "size", "-2.00 kB"),
        (9.99, "age", "10.0s"),
        (10, "age", "10s"),
        (3599, "age", "59m"),
        (172_799, "age", "47h"),
        (172_800, "age", "2d"),
        (-0.5, "age", "0.0s"),
        (timedelta(minutes=2), "age", "2m"),
        (0, "ms", "0"),
        (0.999, "ms", "999µs"),
        (1, "ms", "1.00ms"),
        (999.9, "ms", "1000ms"),
        (60_000, "ms", "1.00min"),
        (3_600_000, "ms", "1.00h"),
        (-1500, "ms", "-1.50s"),
        (0, "rate", "0"),
        (0.004, "rate", "0.00"),
        (999.6, "rate", "1.00k"),
        (12_345, "rate", "12.3k"),
        (0, "percent", "0%"),
        (0.04, "percent", "0.0%"),
        (99.95, "percent", "100%"),
        (-99.96, "percent", "-100%"),
        (False, "flag", "no"),
        ("public.plain", "relation", "plain"),
        ("publicity.plain", "relation", "publicity.plain"),
        ("sales.public.x", "relation", "sales.public.x"),
        (datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=2))), "time", "2026-01-02 01:04:05"),
        (datetime(2026, 1, 2, 3, 4, 5), "time", "2026-01-02 03:04:05"),  # noqa: DTZ001  as the server's timestamp
        (Decimal("NaN"), "size", "NaN"),
        (Decimal("1.5"), "percent", "1.5%"),
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


# Format characters (Cf) that are seen: signs in front of a number or a word.
VISIBLE = {*range(0x600, 0x606), 0x6DD, 0x70F, 0x890, 0x891, 0x8E2, 0x110BD, 0x110CD}


def test_no_character_that_is_not_seen_reaches_the_terminal() -> None:
    for point in range(sys.maxunicode + 1):
        if unicodedata.category(chr(point)) in {"Cc", "Cf", "Cs", "Zl", "Zp"}:
            assert (safe(chr(point)) == chr(point)) is (point in VISIBLE), hex(point)


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        (["1 view refreshed.", "next on Monday"], "1 view refreshed; next on Monday"),
        (["It failed:", "", "next attempt in 5s."], "It failed; next attempt in 5s."),
        (["1 view refreshed."], "1 view refreshed."),
        ([], ""),
    ],
)
def test_sentences_joined_to_one_have_no_full_stop_within(parts: list[str], text: str) -> None:
    assert clauses(parts) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            "reindex needs --set index=… or --set table=…: what to rebuild.",
            "reindex needs index=… or table=…: what to rebuild.",
        ),
        ("cancel-job --set job=a --set all=yes ends it.", "cancel-job job=a all=yes ends it."),
        ("pipeline-console run x --set y=1\nOr --set z=2.", "pipeline-console run x --set y=1\nOr z=2."),
        ("a --set of two", "a --set of two"),
    ],
)
def test_a_form_names_parameters_without_the_option_of_the_command_line(text: str, shown: str) -> None:
    assert in_form(text) == shown


def test_long_text_is_cut_before_it_is_made_safe() -> None:
    assert safe("\x1b" * 10, limit=4) == "␛␛␛…"
    assert safe("abcd", limit=4) == "abcd"
    assert safe("abcde", limit=4) == "abc…"


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


def test_a_report_of_the_worker_has_no_full_stop_before_the_next_run() -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    text = line(WorkerEvent(What.SUCCEEDED, message="1 view refreshed.", following=at), at)
    assert text == "2026-01-01T00:00:00Z succeeded: 1 view refreshed; next on 2026-01-01T00:00:00Z"

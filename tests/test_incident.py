"""Incident files: what was on the screen is on it again without a server, and nothing private is in them."""

from __future__ import annotations

import json
import stat
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from textual.widgets import ContentSwitcher

from console import workspace
from console.cli import main
from console.model import Kind, Snapshot, Trouble
from console.past import framing
from console.past.incident import Incident, open_incident, write_incident
from console.past.readings import PastReadings
from console.past.recorder import ReadingRecorder
from console.past.redacting import Redaction
from console.settings.config import Wanted
from console.sources.registry import Sources
from console.tui.app import ConsoleApp
from console.tui.replaying import recorded_app
from console.tui.text_field import TextField
from tests import recording
from tests.command import run
from tests.pasts import SERVER, at, keep, reading
from tests.screens import SMALL, as_past, console, screen_text, settings, settled, shows, taken, until
from tests.servers import PostgresServer as Cluster

REPLAYED = ("connections", "locks", "slow-queries", "vacuum", "settings")

ONCE = dict.fromkeys(REPLAYED, 300.0)  # seconds between two reads: each pane is read once

# Each must not be in a redacted file, whatever it stood in.
SECRETS = {
    "s3cret-literal": "UPDATE item SET note = 's3cret-literal' WHERE id = 1",
    "s3cret-double": "SELECT 'it''s s3cret-double'",
    "s3cret-escape": r"SELECT E'a\'s3cret-escape'",
    "s3cret-dollar": "DO $$ BEGIN PERFORM 's3cret-dollar'; END $$",
    "s3cret-tagged": "SELECT $x$ s3cret-tagged $x$",
    "s3cret-cut": "INSERT INTO note VALUES ('s3cret-cut and so on",
    "s3cret-cut-dollar": "SELECT $$ s3cret-cut-dollar",
    "s3cret-unicode": "SELECT U&'s3cret-unicode'",
    "s3cret-comment": "SELECT 1 -- s3cret-comment",
    "s3cret-block": "SELECT /* s3cret-block */ 1",
    "4111111111111111": "SELECT * FROM card WHERE number = 4111111111111111",
    "4222 2222 2222 2222": "card 4222 2222 2222 2222 was declined",
    "918273": "SELECT * FROM pin WHERE code = 918273",
    "s3cret-role": "ALTER ROLE app PASSWORD 's3cret-role'",
    "s3cret-uri": "postgresql://app:s3cret-uri@db.example/shop",
    "s3cret-conninfo": "host=db password=s3cret-conninfo dbname=shop",
    "203.0.113.77": "connection from 203.0.113.77 was refused",
    "2001:db8::77": "client 2001:db8::77 waits",
    "jane@example.com": "mail for jane@example.com",
    "db-secret.internal": "db-secret.internal does not answer",
}


async def test_replayed_panes_are_the_live_ones_byte_for_byte(tmp_path: Path) -> None:
    frames, path = {}, tmp_path / "a.incident"
    sources = Sources(recording.load("postgres"), recording.load("pgbouncer"), recording.load("host"))
    recorder = ReadingRecorder()
    sources.be_heard(recorder.hear)
    async with console("", SMALL, sources=sources, pane=REPLAYED[0], changed={"refresh": ONCE}) as (app, pilot):
        for name in REPLAYED:
            await app.action_pane(name)
            await until(pilot, lambda: app.pane_view.arranged is not None and "reading …" not in screen_text(app))
            frames[name] = _area(app, await settled(pilot))
        await recorder.flush()
    write_incident(path, _of_now(recorder), 0, [], plain=True)
    assert await _replayed(open_incident(path)) == {name: as_past(screen) for name, screen in frames.items()}


async def _replayed(incident: Incident) -> dict[str, str]:
    """The panes of a file, turned to in the same order: how high the details are depends on what was there before."""
    app = recorded_app(settings(refresh=ONCE), incident, Wanted("", "file", read_only=True, pane=REPLAYED[0]))
    app.animation_level = "none"
    frames = {}
    await app.times.turn_to(incident.last)
    async with app.run_test(size=SMALL, notifications=False) as pilot:
        for name in REPLAYED:
            await app.action_pane(name)
            await until(pilot, lambda: app.pane_view.arranged is not None and "reading …" not in screen_text(app))
            frames[name] = _area(app, await settled(pilot))
    return frames


def _area(app: ConsoleApp, screen: str) -> str:
    region = app.query_one(ContentSwitcher).region
    return "\n".join(screen.split("\n")[region.y : region.bottom])


def _of_now(recorder: ReadingRecorder) -> PastReadings:
    return recorder.readings(time.time())


@pytest.mark.parametrize(
    ("column", "drawn"),
    [
        ("course", {"end": 1796001560.9596553, "step": 5, "cores": 2, "slots": [None, {"Lock": 0.5}]}),
        ("course", [[1796001560, 123456789012.0], [1796001565, 0.25]]),
        ("series", [[1.0, 2.0], [1234567890.0, 4.0]]),
        ("sampled", [[[14330], "client backend", "active", "Lock", "tuple", -1234567890123456789, "app", "owner"]]),
    ],
)
def test_what_the_console_reads_again_is_in_a_redacted_file_as_it_was(column: str, drawn: object) -> None:
    text = json.dumps(drawn)
    found = Redaction().answer(reading("waits", 0, [(text, "IO")], (column, "class")))
    assert isinstance(found, Snapshot)
    assert found.rows == ((text, "IO"),)


def test_what_is_private_is_taken_out_of_a_chart() -> None:
    text = json.dumps({"who": "jane@example.com", "slots": [{"SELECT 's3cret'": 1}]})
    found = Redaction().answer(reading("waits", 0, [(text,), ("card 4222222222222222",)], ("course",)))
    assert isinstance(found, Snapshot)
    assert [word for word in ("jane", "s3cret", "4222") if word in str(found.rows)] == []


def test_no_secret_of_any_kind_is_in_a_redacted_file(tmp_path: Path) -> None:
    path, recorder = tmp_path / "a.incident", ReadingRecorder()
    facts = replace(SERVER, label="db-secret.internal:5432", address="host=db-secret.internal port=5432")
    columns = ("pid", "query", "note", "raw", "client", "many", "more")
    for second, (secret, text) in enumerate(SECRETS.items()):
        client = secret if "." in secret or ":" in secret else "local"
        row = (second, text, text, text.encode(), client, [text], {"key": text})
        found = reading("connections", second, [row], columns, notes=(text,))
        keep(recorder, found)
        keep(recorder, reading("details", second, [row], columns), parameters=json.dumps({"query": text}))
    setting = ("primary_conninfo", "s3cret-setting", 1)
    keep(recorder, reading("settings", 30, [setting], ("name", "setting", "n")))
    recorder.readings(at(99)).segments[0].facts["postgres"] = facts
    trail = [{"at": "2026-01-01T12:00:00+00:00", "event": "start", "sql": text} for text in SECRETS.values()]
    write_incident(path, recorder.readings(at(99)), 0, trail)
    everything = _everything(path)
    assert [secret for secret in (*SECRETS, "s3cret-setting", "s3cret") if secret in everything] == []
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    plain = tmp_path / "b.incident"
    write_incident(plain, recorder.readings(at(99)), 0, trail, plain=True)
    kept = _everything(plain)
    assert "s3cret-literal" in kept
    assert "203.0.113.77" in kept
    assert [secret for secret in ("s3cret-role", "s3cret-uri", "s3cret-conninfo") if secret in kept] == []


def _everything(path: Path) -> str:
    """Whatever a file says, in one text."""
    incident = open_incident(path)
    texts = [repr(incident.segment.facts), repr(incident.segment.documents), repr(list(incident.segment.chains))]
    for chain in incident.segment.chains.values():
        answers = [chain.answer(place) for place in range(len(chain.times))]
        texts += [repr(each) for each in answers]
        texts += [
            bytes(cell).decode()
            for each in answers
            if isinstance(each, Snapshot)
            for row in each.rows
            for cell in row
            if isinstance(cell, bytes)
        ]
    return "\n".join(texts)


def _audited(path: Path) -> str:
    return repr(open_incident(path).trail)


def test_what_is_no_literal_stays_readable() -> None:
    text = "the customer's table public.api_usage_2026_01 was read at 2026-01-01 12:00:05 by session 21541"
    assert Redaction().text(text) == text
    assert Redaction().statement("SELECT a1 FROM t2 WHERE b = 5 LIMIT $1") == "SELECT a1 FROM t2 WHERE b = … LIMIT $1"
    same = Redaction()
    assert same.text("from 10.0.0.1 and 10.0.0.2 and 10.0.0.1") == "from client-1 and client-2 and client-1"


def test_ten_minutes_with_sixty_sessions_take_less_than_two_megabytes(tmp_path: Path) -> None:
    recorder = ReadingRecorder()
    reads = recording.load("postgres").reads
    for second in range(0, 600, 2):
        moment = datetime.fromtimestamp(at(second), UTC)
        for query in ("vitals", "connections", "statements", "locks"):
            (first, *_) = reads[query]
            wanted = 60 if query == "connections" else len(first.rows)
            rows = [first.rows[n % len(first.rows)] for n in range(wanted)]
            rows = [(n, *(_grown(cell, second) for cell in row[1:])) for n, row in enumerate(rows)]
            keep(recorder, replace(first, rows=tuple(rows), taken_at=moment, clock=1000.0 + second))
    path = tmp_path / "a.incident"
    write_incident(path, recorder.readings(at(600)), at(0), [])
    assert path.stat().st_size < 2 * 2**20


def _grown(cell: object, second: float) -> object:
    return round(cell + second, 6) if isinstance(cell, float) else cell


@pytest.mark.parametrize("content", [b"", b"{}", framing.MAGIC, b"\x00" * 100, framing.MAGIC + framing.framed(b"[]\n")])
def test_another_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(Trouble) as why:
        open_incident(tmp_path / "x")
    assert why.value.kind is Kind.USAGE


def test_what_is_no_file_is_wrong_usage(tmp_path: Path) -> None:
    done = run(tmp_path, "report", "/dev/zero")
    assert done.code == 2
    assert "is no file" in done.err


def test_a_report_tells_what_was_found_and_done_and_text_of_a_stranger_is_no_markup(tmp_path: Path) -> None:
    recorder = ReadingRecorder()
    columns = (
        "rule",
        "subject",
        "level",
        "sentence",
        "detail",
        "explains",
        "fix",
        "since",
        "fixes",
        "evidence",
        "muted",
    )
    finding: tuple[object, ...] = (
        "blocking-session",
        "session 7",
        "critical",
        "web <b>blocks</b> 2\x1b[31m",
        "",
        [],
        None,
        None,
        [],
        [],
        None,
    )
    keep(recorder, reading("findings", 10, [finding], columns), reading("findings", 40, [], columns), source="rules")
    keep(recorder, reading("vitals", 40, [(1,)], ("sessions",)))
    entry = {"at": "2026-01-01T12:00:30+00:00", "event": "start", "action": "terminate-backend", "os_user": "dba"}
    write_incident(tmp_path / "a.incident", recorder.readings(at(60)), 0, [entry])
    done = run(tmp_path, "report", "a.incident")
    assert done.code == 0, done.err
    assert "\\<b\\>blocks" in done.out
    assert "**critical** 2026-01-01 12:00:10 – 2026-01-01 12:00:10" in done.out
    assert "2026-01-01 12:00:30 **terminate-backend** by dba" in done.out
    assert "\x1b" not in done.out


def test_a_report_counts_how_often_a_finding_came_back(tmp_path: Path) -> None:
    """One that was there for a second now and then is not one that was there all the time."""
    recorder = ReadingRecorder()
    columns = ("rule", "subject", "level", "sentence", "detail", "explains", "since", "fixes", "evidence")
    for begin, level, until_ in ((10, "warning", 12), (30, "critical", 90), (300, "warning", 301)):
        finding: tuple[object, ...] = (
            "blocking-session",
            "session 7",
            level,
            f"blocks at {begin}",
            "",
            [],
            at_(begin),
            [],
            [],
        )
        keep(recorder, *(reading("findings", seen, [finding], columns) for seen in (begin, until_)), source="rules")
        keep(recorder, reading("findings", until_ + 2, [], columns), source="rules")
    write_incident(tmp_path / "a.incident", recorder.readings(at(400)), 0, [])
    done = run(tmp_path, "report", "a.incident")
    times = "3 times from 2026-01-01 12:00:10 to 2026-01-01 12:05:01, the longest 1 minute from 2026-01-01 12:00:30"
    assert f"- **critical** {times}: blocks at 30\n" in done.out


def at_(seconds: float) -> datetime:
    return datetime.fromtimestamp(at(seconds), UTC)


def test_an_existing_file_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "a.incident").write_text("mine")
    done = run(tmp_path, "record", "a.incident", "-t", "host=127.0.0.1 port=1")
    assert done.code == 2
    assert (tmp_path / "a.incident").read_text() == "mine"


@pytest.mark.parametrize("folder", ["missing", "file"])
def test_a_file_that_cannot_be_written_is_refused_before_anything_is_read(tmp_path: Path, folder: str) -> None:
    (tmp_path / "file").touch()
    done = run(tmp_path, "record", f"{folder}/a.incident", "--seconds", "3600", "-t", "host=127.0.0.1 port=1")
    assert done.code == 1
    assert f"{folder}/.a.incident.partial" not in done.err
    assert f"{folder}/a.incident: " in done.err


def test_a_long_recording_holds_all_that_it_read(
    any_pg: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However much longer it took than what else of the past is written."""
    monkeypatch.setattr(workspace, "INCIDENT", 0.0)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    path = tmp_path / "x.incident"
    assert main(["record", str(path), "--seconds", "0", "-t", any_pg.uri("postgres")]) == 0
    chains = open_incident(path).segment.chains
    assert max(len(chain.times) for chain in chains.values()) > 1


async def test_a_key_writes_an_incident_file_that_opens(
    any_pg: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    path = tmp_path / "x.incident"
    async with console(any_pg.uri("postgres"), pane="connections", toasts=True) as (app, pilot):
        await until(pilot, lambda: app.workspace.recorder.readings(9e9).streams)
        await pilot.press("X")
        await shows(pilot, "Incident file")
        await until(pilot, lambda: app.screen.query("TextField"))
        app.screen.query_one(TextField).value = str(path)
        await taken(pilot)
        await pilot.press("enter")
        await until(pilot, path.exists)
    assert open_incident(path).segment.count

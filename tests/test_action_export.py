"""export-archive on real servers: what is dropped is in a file that was read back, and in nothing else's place."""

from __future__ import annotations

import asyncio
import dataclasses
import gzip
import hashlib
import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from console.actions.archive.export_archive import EXPORT_ARCHIVE
from console.files.archive_files import FORM
from console.model import Kind, Outcome, Plan, Transaction, Trouble
from console.running.progress import Run
from console.running.runner import Runner
from console.running.trail.audit import Trail
from console.settings.config import ArchivePolicy
from console.sources.postgres import ActingSession, PostgresServer
from scripts.servers import psqls
from tests.acting import LOCK_TIMEOUT, Desk, felt, held
from tests.command import argv, environment
from tests.servers import PostgresServer as Cluster
from tests.waiting import wait

PSQLS = psqls()
MONTH = "2024-03"
COLUMNS = '"id" bigint, day date, "od""d, name" text, amount numeric, "raw\\" bytea, tags text[]'
ROWS = (
    "INSERT INTO public.archive SELECT g, '2024-03-01'::date + g % 31, CASE g % 5 WHEN 0 THEN NULL WHEN 1 THEN '' "
    "WHEN 2 THEN E'a \"quoted\"\\nline,\\r\\n' "
    "WHEN 3 THEN E'\\\\\\n\\\\.\\n\\\\.\\r\\n\"\\\\\"\\n\\\\' ELSE 'é ' || g END, g / 3.0, "
    "decode(md5(g::text), 'hex'), "
    "ARRAY[NULL, g::text, 'x,y'] FROM generate_series(1, {}) g"
)
CONFIGURATION = "archives:\n  - {table: public.facts, archive: public.archive, key: day, keep_months: 24}\n"


@pytest.fixture
def desk(pg: Cluster, database: str, tmp_path: Path) -> Desk:
    """A partitioned archive of two months, of which March 2024 has rows with everything that CSV can trip over."""
    desk = Desk(pg, database, Trail(tmp_path / "audit.jsonl"))
    policy = ArchivePolicy("public.facts", "public.archive", "day", 24)
    desk = dataclasses.replace(desk, settings=dataclasses.replace(desk.settings, archives=(policy,)))
    desk.do(
        f"CREATE TABLE public.archive ({COLUMNS}, twice numeric GENERATED ALWAYS AS (amount * 2) STORED) "
        "PARTITION BY RANGE (day)",
        "CREATE TABLE public.march PARTITION OF public.archive FOR VALUES FROM ('2024-03-01') TO ('2024-04-01')",
        "CREATE TABLE public.april PARTITION OF public.archive FOR VALUES FROM ('2024-04-01') TO ('2024-05-01')",
        "COMMENT ON TABLE public.march IS 'spring'",
        ROWS.format(1000),
        "INSERT INTO public.archive VALUES (0, '2024-04-02')",
    )
    return desk


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the files go; its name wants quoting."""
    folder = tmp_path / "it's here"
    folder.mkdir()
    return folder


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 kB."""
    place = tmp_path / "small"
    place.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", place], check=False).returncode != 0:
        pytest.skip("may not mount")
    try:
        yield place
    finally:
        subprocess.run(["umount", place], check=True)


def csv_of(folder: Path) -> Path:
    return folder / f"public.archive-{MONTH}.csv.gz"


def manifest_of(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / f"public.archive-{MONTH}.json").read_text())
    return found


async def export(desk: Desk, folder: Path, **given: str) -> Run:
    return await desk.run(EXPORT_ARCHIVE, patience=5, **{"month": MONTH, "directory": str(folder), **given})


async def plan(desk: Desk, folder: Path, **given: str) -> Plan:
    return await desk.plan(EXPORT_ARCHIVE, **{"month": MONTH, "directory": str(folder), **given})


async def carry_out(desk: Desk, made: Plan) -> Run:
    """Run a plan that was made before."""
    server = PostgresServer(desk.uri)
    try:
        await server.connect()
        return await Runner(ActingSession(desk.uri), server, desk.trail).run(made, 5)
    finally:
        await server.close()


def loaded_equals(desk: Desk, path: Path, table: str = "public.march", options: str = FORM.options) -> bool:
    """Whether the file holds the rows of the table, each as often, no more and no less."""
    with desk.session() as session:
        session.execute(f"CREATE TEMP TABLE loaded ({COLUMNS})".encode())
        with session.cursor() as cursor, cursor.copy(f"COPY loaded FROM STDIN ({options})".encode()) as copy:
            copy.write(gzip.decompress(path.read_bytes()))
        kept = f'SELECT id, day, "od""d, name", amount, "raw\\", tags FROM {table}'
        query = (
            f"SELECT (SELECT count(*) FROM ({kept} EXCEPT ALL TABLE loaded) x), "
            f"(SELECT count(*) FROM (TABLE loaded EXCEPT ALL {kept}) x)"
        )
        return session.execute(query.encode()).fetchone() == (0, 0)


def files(folder: Path) -> dict[str, int]:
    """Names and permissions of all files of a folder."""
    return {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}


def psql(desk: Desk, program: str, script: str) -> None:
    """Run a script with psql."""
    done = subprocess.run(
        [program, "-X", "-v", "ON_ERROR_STOP=1", "-d", desk.uri],
        input=script,
        text=True,
        check=False,
        capture_output=True,
    )
    assert done.returncode == 0, done


def exists(desk: Desk) -> bool:
    return bool(desk.ask("SELECT to_regclass('public.march') IS NOT NULL"))


def attached(desk: Desk) -> bool:
    return bool(desk.ask("SELECT relispartition FROM pg_class WHERE oid = 'public.march'::regclass"))


# The export


async def test_the_file_holds_every_row_as_it_is(desk: Desk, folder: Path) -> None:
    run = await export(desk, folder)
    assert run.outcome is Outcome.DONE, run.message
    assert loaded_equals(desk, csv_of(folder))
    manifest = manifest_of(folder)
    assert (manifest["rows"], manifest["source"], manifest["month"]) == (1000, "public.march", MONTH)
    assert manifest["bounds"] == "FROM ('2024-03-01') TO ('2024-04-01')"
    assert {"name": 'od"d, name', "type": "text"} in manifest["columns"]
    assert manifest["bytes"] == len(gzip.decompress(csv_of(folder).read_bytes()))
    assert files(folder) == {f"public.archive-{MONTH}.csv.gz": 0o600, f"public.archive-{MONTH}.json": 0o600}
    assert exists(desk)
    assert any(manifest["sha256"] in note for note in run.notes)


async def test_an_export_that_is_there_is_read_back_and_not_repeated(desk: Desk, folder: Path) -> None:
    await export(desk, folder)
    before = csv_of(folder).stat().st_mtime_ns
    run = await export(desk, folder)
    assert run.outcome is Outcome.DONE, run.message
    assert "1000 rows" in run.plan.notes[0]
    assert csv_of(folder).stat().st_mtime_ns == before
    csv_of(folder).write_bytes(csv_of(folder).read_bytes()[:-20])
    with pytest.raises(Trouble, match="damaged"):
        await export(desk, folder)
    assert csv_of(folder).stat().st_mtime_ns != before


async def test_an_export_of_an_earlier_version_is_finished_and_names_the_psql_that_loads_it(
    desk: Desk, folder: Path
) -> None:
    await export(desk, folder)
    with gzip.open(csv_of(folder), "wb") as file, desk.session() as session, session.cursor() as cursor:
        names = 'id, day, "od""d, name", amount, "raw\\", tags'
        with cursor.copy(f"COPY (SELECT {names} FROM public.march) TO STDOUT (FORMAT csv, HEADER)".encode()) as copy:
            written = b"".join(map(bytes, copy))
        file.write(written)
    sha256 = hashlib.sha256(written).hexdigest()
    manifest = {**manifest_of(folder), "form": "pipeline-console export 1", "bytes": len(written), "sha256": sha256}
    (folder / f"public.archive-{MONTH}.json").write_text(json.dumps(manifest))
    run = await export(desk, folder)
    assert run.outcome is Outcome.DONE, run.message
    assert "in psql 18 or later: " in run.plan.notes[1]
    assert loaded_equals(desk, csv_of(folder), options="FORMAT csv, HEADER")
    assert (await export(desk, folder, drop="yes")).outcome is Outcome.DONE
    assert (await export(desk, folder)).outcome is Outcome.NOTHING


async def test_a_month_that_changed_since_its_export_is_noticed(desk: Desk, folder: Path) -> None:
    await export(desk, folder)
    desk.do("DELETE FROM public.march WHERE id = (SELECT min(id) FROM public.march)")
    run = await export(desk, folder)
    assert run.outcome is Outcome.FAILED
    assert "are no longer those in" in run.message


async def test_a_month_of_a_plain_archive_is_exported_and_cannot_be_dropped(desk: Desk, folder: Path) -> None:
    desk.do(
        f"DROP TABLE public.archive; CREATE TABLE public.archive ({COLUMNS})",
        ROWS.format(100),
        "INSERT INTO public.archive VALUES (0, '2024-04-01')",
    )
    with pytest.raises(Trouble, match="not a separate partition"):
        await plan(desk, folder, drop="yes")
    assert (await export(desk, folder)).outcome is Outcome.DONE
    assert manifest_of(folder)["rows"] == 100


@pytest.mark.parametrize(
    ("given", "kind", "said"),
    [
        ({"month": "2023-01"}, Kind.REFUSED, r"no rows of 2023-01\. Months with rows: 2024-03, 2024-04\."),
        ({"directory": "exports"}, Kind.USAGE, "absolute"),
        ({"directory": "/no/such/place"}, Kind.REFUSED, "does not exist"),
        ({"drop": "perhaps"}, Kind.USAGE, "yes or no"),
        ({"table": "public.other"}, Kind.USAGE, "no archive policy"),
    ],
)
async def test_what_cannot_be_is_refused(
    desk: Desk, folder: Path, given: dict[str, str], kind: Kind, said: str
) -> None:
    with pytest.raises(Trouble, match=said) as caught:
        await plan(desk, folder, **given)
    assert caught.value.kind is kind


async def test_a_directory_that_takes_no_files_is_refused(desk: Desk) -> None:
    try:
        run = await export(desk, Path("/proc/self"))
        refused, said = run.outcome is Outcome.REFUSED, run.message  # whoever may write everywhere, may still not here
    except Trouble as why:
        refused, said = why.kind is Kind.REFUSED, str(why)
    assert refused
    assert "/proc/self" in said


async def test_a_file_of_somebody_else_stays(desk: Desk, folder: Path) -> None:
    made = await plan(desk, folder)
    csv_of(folder).write_text("mine")
    run = await carry_out(desk, made)
    assert run.outcome is Outcome.REFUSED
    assert "not overwritten" in run.message
    with pytest.raises(Trouble, match="not overwritten"):
        await plan(desk, folder)
    assert csv_of(folder).read_text() == "mine"
    csv_of(folder).unlink()
    (folder / f"public.archive-{MONTH}.json").write_text('{"mine": 1}')
    with pytest.raises(Trouble, match="not overwritten"):
        await plan(desk, folder)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs to mount a small file system")
async def test_a_full_disk_is_named_and_leaves_no_half_file(desk: Desk, small: Path) -> None:
    desk.do(ROWS.format(20_000))
    run = await export(desk, small, drop="yes")
    assert run.outcome is Outcome.FAILED
    assert "There is no space left for" in run.message
    assert files(small) == {}
    assert exists(desk)
    assert attached(desk)


# The drop


async def test_a_drop_wants_the_name_typed_and_leaves_the_other_months(desk: Desk, folder: Path) -> None:
    made = await plan(desk, folder, drop="yes")
    assert made.destructive
    assert made.claim.subject == "public.march"
    before = desk.ask("SELECT count(*) FROM public.archive")
    run = await carry_out(desk, made)
    assert run.outcome is Outcome.DONE, run.message
    assert not exists(desk)
    assert desk.ask("SELECT count(*) FROM public.archive") == before - 1000
    assert run.undo == ()
    desk.do("CREATE TABLE public.march PARTITION OF public.archive FOR VALUES FROM ('2024-03-01') TO ('2024-04-01')")
    desk.do(ROWS.format(1000))
    assert loaded_equals(desk, csv_of(folder))


@pytest.mark.parametrize("drop", ["yes", "no"])
async def test_a_finished_export_run_again_says_that_it_is_done(desk: Desk, folder: Path, drop: str) -> None:
    assert (await export(desk, folder, drop="yes")).outcome is Outcome.DONE
    run = await export(desk, folder, drop=drop)
    assert run.outcome is Outcome.NOTHING, run.message
    assert "the export is finished, and the file is intact" in run.plan.notes[0]
    assert run.plan.steps == ()
    csv_of(folder).write_bytes(gzip.compress(b"other"))
    with pytest.raises(Trouble):
        await plan(desk, folder, drop=drop)
    csv_of(folder).unlink()
    with pytest.raises(Trouble, match="has no rows of 2024-03") as refused:
        await plan(desk, folder, drop=drop)
    assert refused.value.kind is Kind.REFUSED


async def test_a_default_partition_does_not_keep_a_month_from_being_dropped(desk: Desk, folder: Path) -> None:
    desk.do("CREATE TABLE public.rest PARTITION OF public.archive DEFAULT")
    run = await export(desk, folder, drop="yes")
    assert run.outcome is Outcome.DONE, run.message
    assert not exists(desk)


@pytest.mark.parametrize("client", range(14, 20), ids="psql {}".format)
async def test_the_note_brings_the_rows_back(desk: Desk, folder: Path, client: int) -> None:
    program = PSQLS.get(client)
    if program is None:
        pytest.skip(f"no psql {client} on this machine")
    before = desk.ask("SELECT sum(hashtextextended(x::text, 0)) FROM public.march x")
    run = await export(desk, folder, drop="yes")
    (note,) = run.plan.notes
    made, _, copy = note.partition(": ")[2].partition("; ")
    psql(desk, program, f"{made};\n{copy}\n")
    assert desk.ask("SELECT sum(hashtextextended(x::text, 0)) FROM public.march x") == before


async def test_a_tampered_file_prevents_the_drop(desk: Desk, folder: Path) -> None:
    await export(desk, folder)
    made = await plan(desk, folder, drop="yes")
    content = gzip.decompress(csv_of(folder).read_bytes())
    csv_of(folder).write_bytes(gzip.compress(content.replace(b"x,y", b"x,z", 1)))
    run = await carry_out(desk, made)
    assert run.outcome is Outcome.FAILED
    assert "sha256" in run.message
    assert attached(desk)


@pytest.mark.parametrize(
    "change",
    [
        "INSERT INTO public.march (id, day) VALUES (-1, '2024-03-05')",
        "UPDATE public.march SET amount = 1 WHERE id = 7",
        "ALTER TABLE public.archive ADD COLUMN late text",
    ],
)
async def test_what_changed_since_the_export_prevents_the_drop(desk: Desk, folder: Path, change: str) -> None:
    await export(desk, folder)
    made = await plan(desk, folder, drop="yes")
    desk.do(change)
    run = await carry_out(desk, made)
    assert run.outcome in {Outcome.FAILED, Outcome.STOPPED}
    assert "export" in run.message or "public.archive changed since it was planned" in run.message
    assert attached(desk)


async def test_a_row_that_comes_in_while_it_is_detached_prevents_the_drop(desk: Desk, folder: Path) -> None:
    made = await plan(desk, folder, drop="yes")
    at = next(i for i, step in enumerate(made.steps) if "DETACH" in step.sql)
    until = dataclasses.replace(made, steps=made.steps[: at + 1])  # as if the console died after the detach
    assert (await carry_out(desk, until)).outcome is Outcome.DONE
    assert not attached(desk)
    again = await plan(desk, folder, drop="yes")
    assert not any("DETACH" in step.sql for step in again.steps)
    desk.do("INSERT INTO public.march (id, day) VALUES (-1, '2024-03-05')")
    run = await carry_out(desk, again)
    assert run.outcome is Outcome.FAILED
    assert exists(desk)
    desk.do("DELETE FROM public.march WHERE id = -1")
    assert (await export(desk, folder, drop="yes")).outcome is Outcome.DONE
    assert not exists(desk)


async def test_the_check_in_the_transaction_of_the_drop_notices_a_late_row(desk: Desk, folder: Path) -> None:
    made = await plan(desk, folder, drop="yes")
    late = dataclasses.replace(
        made.steps[1], sql="INSERT INTO public.march (id, day) VALUES (-1, '2024-03-05')", execution=Transaction("late")
    )
    steps = tuple(step for step in made.steps if step.execution != Transaction("drop"))
    drop = tuple(step for step in made.steps if step.execution == Transaction("drop"))
    run = await carry_out(desk, dataclasses.replace(made, steps=(*steps, late, *drop)))
    assert run.outcome is Outcome.STOPPED
    assert "ATTACH PARTITION public.march" in run.message
    assert desk.ask("SELECT count(*) FROM public.march") == 1001


@pytest.mark.parametrize("default", ["", "CREATE TABLE public.rest PARTITION OF public.archive DEFAULT"])
async def test_nobody_waits_longer_than_lock_timeout(desk: Desk, folder: Path, default: str) -> None:
    desk.do(*filter(None, [default]))
    with (
        held(desk, "SELECT count(*) FROM public.archive", seconds=2) as ended,
        felt(desk, "INSERT INTO public.archive (id, day) VALUES (1, '2024-04-09')") as waits,
    ):
        run = await desk.run(EXPORT_ARCHIVE, month=MONTH, directory=str(folder), drop="yes")
        assert ended.wait(1), "it did not wait for the reader, who stayed for 2 s"
    assert run.outcome is Outcome.DONE, run.message
    assert len(waits) > 1
    assert max(waits) < LOCK_TIMEOUT + 0.8
    assert not exists(desk)


async def test_a_view_on_the_month_refuses_the_drop(desk: Desk, folder: Path) -> None:
    desk.do("CREATE VIEW public.seen AS SELECT id FROM public.march")
    with pytest.raises(Trouble, match="used by"):
        await plan(desk, folder, drop="yes")


async def test_a_month_that_went_elsewhere_meanwhile_is_not_dropped(desk: Desk, folder: Path) -> None:
    made = await plan(desk, folder, drop="yes")
    at = next(i for i, step in enumerate(made.steps) if "DETACH" in step.sql)
    desk.do(
        "CREATE TABLE public.live (LIKE public.archive INCLUDING GENERATED) PARTITION BY RANGE (day)",
        "ALTER TABLE public.archive DETACH PARTITION public.march",
        "ALTER TABLE public.live ATTACH PARTITION public.march FOR VALUES FROM ('2024-03-01') TO ('2024-04-01')",
    )
    steps = (*made.steps[:at], *made.steps[at + 1 :])  # a step that is tried again finds nothing left to detach
    run = await carry_out(desk, dataclasses.replace(made, steps=steps))
    assert "was attached or detached meanwhile" in run.message
    assert desk.ask("SELECT count(*) FROM public.live") == 1000


async def test_names_full_of_quotes_change_nothing_but_themselves(desk: Desk, folder: Path) -> None:
    month, archive = """m'"%s;DROP TABLE x;--$$""", """a/../'"%"""
    quoted = [name.replace('"', '""') for name in (month, archive)]
    desk.do(f'ALTER TABLE public.march RENAME TO "{quoted[0]}"', f'ALTER TABLE public.archive RENAME TO "{quoted[1]}"')
    policy = ArchivePolicy("public.facts", f'public."{quoted[1]}"', "day", 24)
    odd = dataclasses.replace(desk, settings=dataclasses.replace(desk.settings, archives=(policy,)))
    run = await export(odd, folder, drop="yes")
    assert run.outcome is Outcome.DONE, run.message
    assert desk.ask("SELECT count(*) FROM pg_class WHERE relname LIKE 'm''%'") == 0
    assert desk.ask("SELECT to_regclass('public.april') IS NOT NULL")
    assert len(files(folder)) == 2


# A console that stops or dies


async def test_a_stopped_export_leaves_no_file(desk: Desk, folder: Path) -> None:
    desk.do(ROWS.format(120_000))
    made = await plan(desk, folder, drop="yes")
    work = asyncio.create_task(carry_out(desk, made))
    while not any(files(folder).values()):
        assert not work.done()
        await asyncio.sleep(0.005)
    await asyncio.sleep(0.05)
    work.cancel()
    run = await work
    assert (run.outcome, run.message) == (Outcome.FAILED, "Stopped on request.")
    assert files(folder) == {}
    assert attached(desk)


def test_a_killed_export_is_done_again_from_its_beginning(desk: Desk, folder: Path, tmp_path: Path) -> None:
    desk.do(ROWS.format(120_000))
    (tmp_path / "console.yml").write_text(CONFIGURATION)
    arguments = argv(
        "run", "export-archive", "-t", desk.uri, "--config", str(tmp_path / "console.yml"), "--yes",
        "--set", f"month={MONTH}", "--set", f"directory={folder}",
    )  # fmt: skip
    partial = csv_of(folder).with_name(csv_of(folder).name + ".partial")
    with subprocess.Popen(
        arguments, env=environment(tmp_path), cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        wait(lambda: process.poll() is not None or partial.exists())
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL, "it was done before it could be killed"
    assert partial.exists()
    assert not csv_of(folder).exists()
    acting = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pipeline-console act'"
    wait(
        lambda: desk.ask(f"{acting} AND datname = current_database()") == 0
    )  # the server may still be ending the session that was killed
    done = subprocess.run(arguments, env=environment(tmp_path), cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == 0, done
    assert not partial.exists()
    assert loaded_equals(desk, csv_of(folder))

"""export-archive: a month of an archive as a compressed CSV with a manifest, read back before it may be dropped."""

from __future__ import annotations

import asyncio
import os
import re
import shlex
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from pathlib import Path

from console.actions.archive.restore_analytics import month
from console.actions.confinement import confined, role_of, run_as
from console.actions.foreign_code import refuse_foreign_code
from console.actions.needs import Needs, Right, archived
from console.actions.partitions.partman import left_to_partman
from console.actions.planning import Action, Request, boolean, refuse, steps_from_query, steps_from_rows
from console.actions.relations import Relation, relation, seen, short
from console.files import archive_files
from console.format import counted, one_line, safe, size
from console.model import Claim, Database, Kind, Parameter, Plan, Record, Source, Step, Trouble
from console.records import dataclass
from console.settings.config import ArchivePolicy


@dataclass(frozen=True, slots=True)
class MonthExport:
    """A month of an archive, and the file that holds it."""

    archive: Relation
    path: Path
    asked: Mapping[str, object]  # parameters of the queries
    database: str

    @property
    def month(self) -> str:
        """Such as 2024-03."""
        return str(self.asked["month"])

    @property
    def drop(self) -> bool:
        """Whether the month is dropped afterwards."""
        return bool(self.asked["drop"])

    @property
    def same(self) -> Mapping[str, object]:
        """What the manifest of an export of this month says."""
        return {"archive": self.archive.name, "month": self.month, "database": self.database}


async def plan(request: Request) -> Plan:
    """Exports the month and, on request, drops it; a finished export is compared with the rows of now.

    Raises Trouble(REFUSED) if a month is to be dropped that pg_partman manages.
    """
    export = await _export(request)
    managed = await left_to_partman(request.server, [export.archive]) if export.drop else ()
    if managed:
        raise Trouble(Kind.REFUSED, " ".join(managed), "Export without drop=yes.")
    server = await confined(request.server, export.archive)
    await refuse_foreign_code(server, [export.archive.name])
    source = await _source(server, export.asked)
    if source["empty"]:
        return await _done_before(source, export)
    name = str(source["name"])
    manifest = archive_files.finished(export.path, {**export.same, "source": name})
    found, record = await _steps(server, export, source)
    notes = [_restore(export, record, source, manifest)]
    if manifest is not None and not export.drop:
        await asyncio.to_thread(archive_files.check, export.path, manifest)
        note = "the export exists: its rows are compared with those of the table now, and nothing is written"
        found = tuple(replace(step, note=note) for step in found)
        notes = [*_export_notes(export.path, manifest), *notes]
    if export.drop:
        found = await _with_drop(server, export, source, found)
    return Plan(
        Claim(name, name=short(name)),
        found,
        tuple(notes),
        summary=f"export {export.month} of {one_line(export.archive.name)}" + (" and drop it" if export.drop else ""),
        result=f"{export.month} exported" + (" and dropped" if export.drop else ""),
        destructive=export.drop,
        read_back=_reader(export.path),
    )


async def _export(request: Request) -> MonthExport:
    """The export that is asked for. Raises Trouble(USAGE) or Trouble(REFUSED) if a parameter is wrong."""
    first, after = month(request.parameters["month"])
    drop = boolean(request.parameters, "drop")
    folder = _folder(request.parameters["directory"])
    policy = _policy(request)
    archive = await relation(request.server, policy.archive)
    asked = {
        "archive": archive.oid,
        "key": policy.key,
        "month": f"{first:%Y-%m}",
        "lower": f"{first} 00:00:00+00",
        "upper": f"{after} 00:00:00+00",
        "drop": drop,
    }
    path = folder / f"{_file_name(archive.name)}-{asked['month']}{archive_files.SUFFIX}"
    return MonthExport(archive, path, asked, request.server.facts.database)


async def _steps(
    server: Database, export: MonthExport, source: Mapping[str, object]
) -> tuple[tuple[Step, ...], Record]:
    """The steps that write the file or compare it, and the row with its columns and encoding."""
    given = {**source, **export.asked, "archive": export.archive.name, "source": source["name"]}
    given |= {"file": str(export.path), "options": archive_files.FORM.options}
    snapshot = await server.fetch("actions/export_archive", given)
    (record,) = snapshot.records()
    return run_as(role_of(server), steps_from_rows(snapshot)), record


async def _with_drop(
    server: Database, export: MonthExport, source: Mapping[str, object], found: tuple[Step, ...]
) -> tuple[Step, ...]:
    """The steps, and after them those that drop the month if the archive is still as the plan saw it."""
    asked = {**source, "archive": export.archive.name, "parent": export.archive.oid}
    dropping = await steps_from_query(server, "export_archive_drop", asked)
    sides = await seen(server, export.archive.oid)
    return tuple(replace(step, sees=sides) for step in (*found, *dropping))


async def _done_before(source: Mapping[str, object], export: MonthExport) -> Plan:
    """No steps, if the rows that are gone are in a finished export, which is read back; else the refusal."""
    manifest = archive_files.finished(export.path, export.same)
    if manifest is None:
        raise Trouble(Kind.REFUSED, str(source["refused"]), str(source["remedy"]))
    await asyncio.to_thread(archive_files.check, export.path, manifest)
    archive = one_line(export.archive.name)
    note = f"{archive} has no rows of {export.month} left: the export is finished, and the file is intact."
    return Plan(Claim(archive), notes=(note, *_export_notes(export.path, manifest)))


async def _source(server: Source, asked: Mapping[str, object]) -> dict[str, object]:
    """Where the month's rows are, and whether there are none. Raises Trouble(REFUSED) if they cannot be exported."""
    (record,) = (await server.fetch("actions/export_archive_source", asked)).records()
    if not record["empty"]:
        refuse(record)
    names = ("oid", "name", "way", "bounds", "origin", "inside", "empty", "refused", "remedy")
    return {name: record[name] for name in names}


def _policy(request: Request) -> ArchivePolicy:
    wanted = request.parameters["table"]
    chosen = [policy for policy in request.settings.archives if wanted in {"", policy.archive, policy.table}]
    if len(chosen) == 1:
        return chosen[0]
    if not chosen:
        what = f"{safe(wanted, 200)} has no archive policy." if wanted else "No table has an archive policy."
        raise Trouble(Kind.USAGE, what, "Add one in the configuration, under archives.")
    names = ", ".join(one_line(policy.archive) for policy in chosen)
    raise Trouble(Kind.USAGE, f"There are several archives: {names}.", "Choose one with --set table=….")


def _folder(text: str) -> Path:
    folder = Path(text)
    if not folder.is_absolute():
        raise Trouble(Kind.USAGE, f"directory must be an absolute path, not {safe(text, 200)}.")
    if not folder.is_dir():
        raise Trouble(Kind.REFUSED, f"Directory {safe(text, 200)} does not exist.", "Create it first.")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise Trouble(Kind.REFUSED, f"Directory {safe(text, 200)} is not writable.", "Choose another directory.")
    return folder


def _file_name(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]", "_", name).lstrip(".")[:130] or "archive"


def _restore(
    export: MonthExport, record: Record, source: Mapping[str, object], manifest: Mapping[str, object] | None
) -> str:
    """The commands that load the file again, on the machine that has it."""
    archive, form = export.archive.name, archive_files.form_of(manifest)
    program = f"gzip -dc {shlex.quote(str(export.path))}".replace("'", "''")
    options = f"{form.options}, ENCODING '{record['encoding']}'"
    copy = f"\\copy {archive} ({record['columns']}) FROM PROGRAM '{program}' ({options})"
    made = f"CREATE TABLE {source['name']} PARTITION OF {archive} FOR VALUES {source['bounds']}; "
    psql = f"psql {form.psql} or later" if form.psql else "psql"
    return f"To restore the rows after a drop, in {psql}: {one_line(made + copy if source['bounds'] else copy)}"


def _export_notes(path: Path, manifest: Mapping[str, object]) -> tuple[str, ...]:
    holds = f"{counted(int(str(manifest['rows'])), 'row')}, {size(manifest['bytes'])} uncompressed"
    sha256 = safe(manifest["sha256"], 80)
    return (f"{safe(path)} holds {holds}, exported {safe(manifest['exported_at'], 40)}, SHA-256 {sha256}.",)


def _reader(path: Path) -> Callable[[Source], Awaitable[tuple[str, ...]]]:
    async def read(_: Source) -> tuple[str, ...]:
        manifest = archive_files.finished(path, {})
        return _export_notes(path, manifest) if manifest else ()

    return read


EXPORT_ARCHIVE = Action(
    name="export-archive",
    title="Export a month",
    help="Exports an archived month to a compressed CSV file with a manifest, verifies it, and can drop the month.",
    plan=plan,
    parameters=(
        Parameter("month", "the month, such as 2024-03", required=True),
        Parameter("directory", "absolute path of the directory for the files", required=True),
        Parameter("drop", "yes: drop the partition of the month after the export has been verified", default="no"),
        Parameter("table", "archive to export, if the configuration has several"),
    ),
    needs=Needs(
        Right.OWN,
        archived,
        instead="COPY (SELECT …) TO reads a distributed table as a whole.",
    ),
)

"""A COPY into a file: streamed, read back, compared with what the server counted in the same snapshot."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

from console.files import archive_files
from console.files.archive_files import Content, Partial
from console.format import one_line, safe, size
from console.model import Export, Kind, Trouble
from console.running.execution.executor import Context, Executor
from console.running.progress import StepProgress
from console.sources.postgres import ActingSession

REPORT_PERIOD = 1.0
Answer = TypeVar("Answer")
SAME = ("archive", "source", "month", "database")  # what two manifests of the same export agree in


def executor(execution: Export) -> Executor:
    """Writes the file and its manifest, unless a finished export exists."""
    how = "COPY to a file of this machine"
    return Executor(partial(execute, execution), how, repeatable=True, role=execution.role)


async def execute(execution: Export, context: Context, group: Sequence[StepProgress]) -> None:
    """Export, unless a finished export exists: that is only read back. Its rows are those of the step.

    Then `pipeline_console.exported` is set in the acting session. Raises Trouble if the file differs from its
    manifest.
    """
    (progress,) = group
    report = context.begin(progress)
    session = context.session
    manifest = await _found(session, execution, report)
    if manifest is None:
        manifest = await _write(session, context.source.facts.label, execution, report)
    await session.keep("pipeline_console.exported", f"{manifest['rows']} {manifest['checksum']}")
    progress.rows = int(str(manifest["rows"]))


async def _found(session: ActingSession, export: Export, report: Callable[[str], None]) -> Mapping[str, object] | None:
    path = Path(export.file)
    if not archive_files.occupied(path):
        return None
    async with session.snapshot(export.role, _counting(export)) as (manifest_of,):
        counted = await _manifest(session, manifest_of)
    manifest = archive_files.finished(path, {name: counted[name] for name in SAME})
    if manifest is None:
        return None
    report("reading back what was exported before")
    await asyncio.to_thread(archive_files.check, path, manifest)
    if any(manifest.get(name) != counted[name] for name in ("rows", "checksum")):
        raise Trouble(
            Kind.FAILED,
            f"The rows of {one_line(counted['source'])} are no longer those in {safe(path)}.",
            "Move it and its manifest away, then export again.",
        )
    return manifest


async def _write(
    session: ActingSession, server: str, export: Export, report: Callable[[str], None]
) -> Mapping[str, object]:
    path = Path(export.file)
    unfinished = Partial(path)
    try:
        counted = await _stream(session, export, unfinished, report)
        sha256 = await _to_its_end(unfinished.finish)
        report("reading it back")
        content = await asyncio.to_thread(archive_files.read_back, unfinished.path)
        written = Content(int(str(counted["rows"])), unfinished.bytes, sha256)
        manifest = {**counted, "server": server, "rows": written.rows, "bytes": written.bytes, "sha256": sha256}
        archive_files.compare(unfinished.path, content, manifest)
        unfinished.publish(path, manifest)
    finally:
        unfinished.discard()
    return manifest


async def _stream(
    session: ActingSession, export: Export, unfinished: Partial, report: Callable[[str], None]
) -> dict[str, object]:
    began = reported = time.monotonic()

    async def write(data: bytes) -> None:
        nonlocal reported
        await _to_its_end(unfinished.write, data)
        if time.monotonic() - reported >= REPORT_PERIOD:
            reported = time.monotonic()
            report(f"{size(unfinished.bytes)}, {size(unfinished.bytes / (reported - began))}/s")

    async with session.snapshot(export.role, _counting(export), export.query) as (manifest_of, rows):
        counted = await _manifest(session, manifest_of)
        await session.copy_out(f"COPY ({rows}) TO STDOUT ({archive_files.FORM.options})", write)
    return counted


async def _to_its_end(work: Callable[..., Answer], *arguments: object) -> Answer:
    """Run `work` in a thread. When the run is stopped it still ends first: the file must not be closed under it."""
    running = asyncio.ensure_future(asyncio.to_thread(work, *arguments))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait({running})
        running.exception()
        raise


def _counting(export: Export) -> str:
    return f"SELECT pg_catalog.to_jsonb(m)::text AS manifest FROM ({export.manifest}) m"  # noqa: S608


async def _manifest(session: ActingSession, counting: str) -> dict[str, object]:
    ((row,),) = await session.query(counting)
    found = json.loads(str(row))
    if not isinstance(found, dict):
        raise Trouble(Kind.FAILED, "The server returned no manifest.")
    return found

"""A step whose output goes to a file: streamed, read back, compared with what the server counted in that snapshot."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from console.files import archive_files
from console.files.archive_files import Content, Partial
from console.format import one_line, safe, size
from console.model import Kind, Step, Trouble
from console.sources.postgres import ActingSession

TELL_PERIOD = 1.0
Answer = TypeVar("Answer")
SAME = ("archive", "source", "month", "database")  # what two manifests of the same export agree in


async def export(session: ActingSession, server: str, step: Step, heard: Callable[[str], None]) -> int:
    """Export, unless a finished export is there: that is only read back. How many rows it holds.

    Then `pipeline_console.exported` says in the acting session what was. Trouble when the file is not as it must be.
    """
    manifest = await _found(session, step, heard) or await _write(session, server, step, heard)
    await session.execute(
        "SELECT pg_catalog.set_config('pipeline_console.exported', %(exported)s, false)",
        {"exported": f"{manifest['rows']} {manifest['checksum']}"},
    )
    return int(str(manifest["rows"]))


async def _found(session: ActingSession, step: Step, heard: Callable[[str], None]) -> Mapping[str, object] | None:
    path = Path(step.into)
    if not archive_files.occupied(path):
        return None
    counted = await _manifest(session, step)
    manifest = archive_files.finished(path, {name: counted[name] for name in SAME})
    if manifest is None:
        return None
    heard("reading back what was exported before")
    archive_files.compare(path, await asyncio.to_thread(archive_files.read_back, path), manifest)
    if any(manifest.get(name) != counted[name] for name in ("rows", "checksum")):
        raise Trouble(
            Kind.FAILED,
            f"The rows of {one_line(counted['source'])} are no longer those in {safe(path)}.",
            "Move it and its manifest away, then export again.",
        )
    return manifest


async def _write(session: ActingSession, server: str, step: Step, heard: Callable[[str], None]) -> Mapping[str, object]:
    path = Path(step.into)
    partial = Partial(path)
    try:
        counted = await _stream(session, step, partial, heard)
        sha256 = await _to_its_end(partial.finish)
        heard("reading it back")
        content = await asyncio.to_thread(archive_files.read_back, partial.path)
        written = Content(int(str(counted["rows"])), partial.bytes, sha256)
        manifest = {**counted, "server": server, "rows": written.rows, "bytes": written.bytes, "sha256": sha256}
        archive_files.compare(partial.path, content, manifest)
        partial.publish(path, manifest)
    finally:
        partial.discard()
    return manifest


async def _stream(
    session: ActingSession, step: Step, partial: Partial, heard: Callable[[str], None]
) -> dict[str, object]:
    began = told = time.monotonic()

    async def write(data: bytes) -> None:
        nonlocal told
        await _to_its_end(partial.write, data)
        if time.monotonic() - told >= TELL_PERIOD:
            told = time.monotonic()
            heard(f"{size(partial.bytes)}, {size(partial.bytes / (told - began))}/s")

    async with session.transaction():
        await session.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        counted = await _manifest(session, step)
        await session.copy_out(step.sql, write)
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


async def _manifest(session: ActingSession, step: Step) -> dict[str, object]:
    ((row,),) = await session.query(f"SELECT pg_catalog.to_jsonb(m)::text FROM ({step.manifest}) m")  # noqa: S608
    found = json.loads(str(row))
    if not isinstance(found, dict):
        raise Trouble(Kind.FAILED, "The server did not say what was to be exported.")
    return found

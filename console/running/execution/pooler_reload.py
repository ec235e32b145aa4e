"""A step that reloads PgBouncer's configuration, compares its settings, and takes back what went wrong.

Every version resets all settings after a line that it cannot read to their defaults, and most report success. All is
done on one admin connection: with admin_users reset, no other could be opened.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from console.files import local_files
from console.format import one_line
from console.model import Kind, PoolerReload, Trouble
from console.running.execution import pooler_shown
from console.running.execution.executor import Context, Executor
from console.running.execution.pooler_shown import Shown
from console.running.progress import StepProgress
from console.sources.pgbouncer.commanding import REFUSED, PoolerSession, open_pooler

SECONDS = 10.0
RETRY = "server_login_retry"


def executor(execution: PoolerReload) -> Executor:
    """Reloads and compares; what went wrong is taken back."""
    return Executor(
        partial(execute, execution),
        "on PgBouncer's admin console, compared before and after",
        restores=execution.copies,
        pooler=execution.pooler if execution.copies else "",
    )


async def execute(execution: PoolerReload, context: Context, group: Sequence[StepProgress]) -> None:
    """Write, reload, compare, log in. Raises Trouble(FAILED), with what was before in effect, if that went wrong."""
    (progress,) = group
    report = context.begin(progress)
    await context.refuse_read_only()
    session = await open_pooler(execution.uri)
    try:
        before = await show(session)
        try:
            for file in execution.files:
                local_files.write(file)
            wrong = await _reloaded(execution, session, before, report)
        except BaseException:
            if execution.files:  # stopped, or PgBouncer is gone: the files must not wait for the next RELOAD
                with contextlib.suppress(Trouble):  # what came first is what is reported
                    await asyncio.shield(_take_back(execution, session, before))
            raise
        if wrong:
            raise Trouble(Kind.FAILED, f"{wrong} {await _take_back(execution, session, before)}")
        context.run.notes.append(pooler_shown.changes(before, await show(session)))
    finally:
        await session.close()
    if execution.login:
        context.run.notes.append("A client has logged in and run a statement with the new configuration.")


async def _reloaded(
    execution: PoolerReload, session: PoolerSession, before: Shown, report: Callable[[str], None]
) -> str:
    """Send RELOAD. Returns what is wrong after it, as sentences; empty: nothing."""
    report("reloading")
    refused = await _reload(session)
    after = await show(session)
    text = local_files.read(Path(execution.file)) if execution.file else None
    wrong = [refused, pooler_shown.reset(execution, text, before, after)]
    if execution.files and text is not None:
        wrong.append(pooler_shown.unkept(text, after))
    if execution.login and not any(wrong):
        report("logging in as a client")
        why = await _refusal(execution)
        wrong.append(f"A client could not log in after RELOAD: {why}." if why else "")
    return " ".join(filter(None, wrong))


async def show(session: PoolerSession) -> Shown:
    """The settings and databases of a PgBouncer. Raises Trouble."""
    rows = await session.rows("pooler_config")
    text = {name: {str(row["key"]): _text(row[name]) for row in rows} for name in ("value", "default")}
    changeable = {str(row["key"]): row["changeable"] == "yes" for row in rows}
    databases = {str(row["name"]): row for row in await session.rows("pooler_databases")}
    return Shown(text["value"], text["default"], changeable, databases)


def _text(value: object) -> str:
    return "" if value is None else str(value)


async def _reload(session: PoolerSession) -> str:
    """Send RELOAD. Returns the error that newer versions report; empty: none."""
    try:
        await session.command("RELOAD", SECONDS)
    except Trouble as why:
        if why.sqlstate != REFUSED and why.kind is Kind.UNREACHABLE:
            raise
        return f"{why.sentence} See PgBouncer's log."
    return ""


async def _take_back(execution: PoolerReload, session: PoolerSession, before: Shown) -> str:
    """Bring the former settings back: by the former file, else by SET. Returns how, as sentences."""
    sentences = []
    if execution.copies:
        sentences.append(await _former_files(execution, session))
    left = before.changed(await show(session))
    for name in left:
        if before.changeable.get(name):
            value = before.values[name].replace("'", "''")
            await session.command(f"SET {name} = '{value}'", SECONDS)
    if execution.login:
        sentences.append(await _admitted_again(execution, session, before))
    still = before.changed(await show(session))
    if still:
        sentences.append(f"Not as before: {', '.join(f'{name} {change}' for name, change in still.items())}.")
    elif left:
        sentences.append(
            "The former settings are in effect again, by SET, until the next RELOAD: correct the file first."
        )
    else:
        sentences.append("The former settings are in effect again.")
    return " ".join(filter(None, sentences))


async def _admitted_again(execution: PoolerReload, session: PoolerSession, before: Shown) -> str:
    """Log in with the former configuration. Returns why that failed; empty: it did not."""
    retry = before.values.get(RETRY, "")
    if not retry.replace(".", "", 1).isdigit():
        return ""
    # What could not be reached a moment ago is not tried again for so long, though the address is another one.
    await session.command(f"SET {RETRY} = '0'", SECONDS)
    try:
        why = await _refusal(execution)
    finally:
        await session.command(f"SET {RETRY} = '{retry}'", SECONDS)
    return f"A client cannot log in with it either: {why}." if why else "A client has logged in with it again."


async def _refusal(execution: PoolerReload) -> str:
    """Why a client cannot log in; empty: it can."""
    from console.sources.postgres.login import refusal  # noqa: PLC0415  seldom used

    return await refusal(execution.login, SECONDS)


async def _former_files(execution: PoolerReload, session: PoolerSession) -> str:
    path = Path(execution.file)
    rejected = path.with_name(f"{path.name}.rejected")
    try:
        rejected.unlink(missing_ok=True)
        for kept, written in execution.copies:
            _restore(execution, Path(kept), Path(written), rejected if written == execution.file else None)
        await _reload(session)
    except (Trouble, OSError) as why:
        return f"{one_line(path)} could not be restored: {one_line(why)}."
    return f"{one_line(path)} has its former content again; what was rejected is in {one_line(rejected.name)}."


def _restore(execution: PoolerReload, kept: Path, path: Path, rejected: Path | None) -> None:
    if execution.files and not kept.exists():
        return  # the step ended before this file was written
    text = local_files.restored(kept, path).text
    local_files.write(local_files.planned(path, text, local_files.read(path), rejected))

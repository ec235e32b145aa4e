"""pooler-reload: reloads PgBouncer's configuration and takes back what a broken line resets."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from console.actions.planning import Action, Request, boolean
from console.actions.pooler.chosen import NEEDS, POOLER, ChosenPooler, chosen
from console.files import local_files, pooler_ini
from console.files.open_files import soft_limit, started_with
from console.files.pooler_config import open_files
from console.format import counted, one_line
from console.model import Kind, Parameter, Plan, PoolerReload, Snapshot, Step, Trouble

PROGRAM = "pgbouncer"


async def plan(request: Request) -> Plan:
    """RELOAD, with the lines that change; refused where the file has a line that PgBouncer cannot read."""
    given = request.parameters
    async with chosen(request) as pooler:
        rows = await pooler.rows("pooler_config")
        changeable = {str(row["key"]): row["changeable"] == "yes" for row in rows}
        path = _path(given["file"], pooler)
        text = local_files.read(path) if path else None
        if path and text is None:
            raise Trouble(Kind.USAGE, f"There is no file {one_line(path)}.", "Name pgbouncer.ini with --set file=…")
        if path and text is not None:
            _refuse_unreadable(path, text, pooler.config)
        kept = former_copy(given["former"], path, text, pooler.config, changeable)
        where = (pooler.uri, pooler.name, str(path or ""), str(kept or ""))
        execution = PoolerReload(*where, boolean(given, "resets"))
        changes = pooler_ini.not_in_effect(text, pooler.config, changeable) if text else []
        step = Step(
            "RELOAD;",
            lock="none",
            execution=execution,
            undo=undo_of(execution),
            note="compares SHOW CONFIG and SHOW DATABASES",
        )
        return Plan(
            pooler.claim("configuration"),
            (step,),
            (_source(path), _recovery(path, kept), *_files(pooler, changes)),
            summary=f"reload PgBouncer {one_line(pooler.name)}",
            result="configuration reloaded",
            table=_table(changes, pooler.config) if changes else None,
        )


def undo_of(reload: PoolerReload) -> str:
    """What undoes it, for users to read; empty: nothing, without a copy of the former file."""
    copied = [local_files.copying(kept, path) for kept, path in reload.copies]
    return "\n".join((*copied, "RELOAD;")) if copied else ""


def taking_back(uri: str, pooler: str, copies: Sequence[tuple[str, str]]) -> PoolerReload:
    """How the former files get back and in effect; the present ones are kept. Raises Trouble(REFUSED)."""
    files = []
    for kept, path in ((Path(kept), Path(path)) for kept, path in copies):
        text = local_files.restored(kept, path).text
        files.append(local_files.planned(path, text, local_files.read(path), local_files.set_aside(path)))
    return PoolerReload(uri, pooler, copies[-1][1], files=tuple(files))


def _path(given: str, pooler: ChosenPooler) -> Path | None:
    """The file that PgBouncer reads: the one that is named, else that of a process of this machine."""
    if given:
        return Path(os.path.realpath(Path(given).expanduser()))
    return started_with(pooler.config.get("pidfile", ""), PROGRAM, ".ini") if pooler.session.local else None


def _refuse_unreadable(path: Path, text: str, known: Mapping[str, str]) -> None:
    broken = pooler_ini.unreadable(text, known)
    if broken and "%include" not in text:
        raise Trouble(
            Kind.REFUSED,
            f"PgBouncer cannot read line {broken.number} of {one_line(path)}: RELOAD would reset the settings "
            "after it to their defaults.",
            f"Correct it: {one_line(broken.text)[:100]}",
        )


def former_copy(
    given: str, path: Path | None, text: str | None, config: Mapping[str, str], changeable: Mapping[str, bool]
) -> Path | None:
    """A copy of the file whose settings are those in effect: the named one, else the newest next to the file."""
    if given:
        return Path(os.path.realpath(Path(given).expanduser()))
    if path is None:
        return None
    try:
        copies = sorted(path.parent.glob(f"{path.name}[.~]*"), key=lambda copy: copy.stat().st_mtime, reverse=True)
    except OSError:
        return None
    for copy in copies:
        held = local_files.read(copy) if os.access(copy, os.R_OK) else None
        fits = held and held != text and not pooler_ini.unreadable(held, config)
        if held and fits and not pooler_ini.not_in_effect(held, config, changeable):
            return copy
    return None


def _source(path: Path | None) -> str:
    if path:
        return f"The configuration is {one_line(path)}."
    return "The configuration file is not visible from here: any setting that goes back to its default counts as lost."


def _recovery(path: Path | None, kept: Path | None) -> str:
    if path and kept:
        return f"If settings are lost, {one_line(path)} gets the content of {one_line(kept.name)} again."
    return "If settings are lost, their former values are put in effect again by SET."


def _files(pooler: ChosenPooler, changes: list[pooler_ini.IniLine]) -> tuple[str, ...]:
    """How many open files the clients need that the file admits."""
    wanted = {line.name: line.value for line in changes}
    clients = wanted.get("max_client_conn", pooler.config.get("max_client_conn", ""))
    if not clients.isdigit():
        return ()
    servers = wanted.get("max_db_connections", pooler.config.get("max_db_connections", "0"))
    needed = open_files(int(clients), int(servers) if servers.isdigit() else 0)
    limit = soft_limit(pooler.config.get("pidfile", ""), PROGRAM) if pooler.session.local else None
    if limit is None:
        return (f"max_client_conn = {clients} needs {counted(needed, 'open file')}: check LimitNOFILE of PgBouncer.",)
    if limit >= needed:
        return ()
    why = f"its process may open {limit}, so that it refuses clients before max_client_conn"
    return (f"max_client_conn = {clients} needs {counted(needed, 'open file')}; {why}.",)


def _table(changes: list[pooler_ini.IniLine], config: Mapping[str, str]) -> Snapshot:
    rows = tuple((line.name, one_line(config[line.name]), one_line(line.value), line.number) for line in changes)
    return Snapshot("pooler-reload", ("setting", "in effect", "in the file", "line"), rows, datetime.now(UTC))


POOLER_RELOAD = Action(
    name="pooler-reload",
    title="Reload PgBouncer configuration",
    help="Sends RELOAD and compares the settings before and after. A broken line would reset the settings after it: it "
    "is named, and the former settings are put in effect again.",
    plan=plan,
    parameters=(
        Parameter("file", "path of pgbouncer.ini on this machine; empty: that of the running process, where visible"),
        Parameter("former", "copy of the file from before the changes; empty: one next to it that fits"),
        Parameter("resets", "yes: settings may go back to their defaults, where the file is not visible", "no"),
        POOLER,
    ),
    row={"pooler": "pooler"},
    needs=NEEDS,
)

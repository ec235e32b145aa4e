"""A step that reloads PgBouncer's configuration, compares its settings, and takes back what was reset unintentionally.

Every version resets all settings after a line that it cannot read to their defaults, and most report success. All is
done on one admin connection: with admin_users reset, no other could be opened.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from console.files import local_files, pooler_ini
from console.format import counted, one_line
from console.model import Kind, PoolerReload, Trouble
from console.records import dataclass
from console.redaction import without_secrets
from console.running.execution.executor import Context, Executor
from console.running.progress import StepProgress
from console.sources.pgbouncer.commanding import REFUSED, PoolerSession, open_pooler

SECONDS = 10.0
NAMED = 6  # settings that a message names


@dataclass(frozen=True, slots=True)
class Shown:
    """What SHOW CONFIG and SHOW DATABASES return."""

    values: dict[str, str]
    defaults: dict[str, str]
    changeable: dict[str, bool]  # whether RELOAD and SET can change it
    databases: frozenset[str]

    def changed(self, later: Shown) -> dict[str, str]:
        """What changed, as `former → new`, by setting."""
        return {
            name: f"{one_line(value) or 'empty'} → {one_line(later.values.get(name, '')) or 'empty'}"
            for name, value in self.values.items()
            if later.values.get(name) != value
        }


def executor(execution: PoolerReload) -> Executor:
    """Reloads and compares; a reset is taken back."""
    return Executor(partial(execute, execution), "on PgBouncer's admin console, compared before and after")


async def execute(execution: PoolerReload, context: Context, group: Sequence[StepProgress]) -> None:
    """Reload. Raises Trouble(FAILED), with the former settings in effect, if some were reset."""
    (progress,) = group
    report = context.begin(progress)
    await context.refuse_read_only()
    session = await open_pooler(execution.uri)
    try:
        before = await show(session)
        report("reloading")
        refusal = await _reload(session)
        after = await show(session)
        wrong = f"{refusal} {_wrong(execution, before, after)}".strip()
        if wrong:
            raise Trouble(Kind.FAILED, f"{wrong} {await _take_back(execution, session, before)}")
    finally:
        await session.close()
    context.run.notes.append(_changes(before, after))


async def show(session: PoolerSession) -> Shown:
    """The settings and databases of a PgBouncer. Raises Trouble."""
    rows = await session.rows("pooler_config")
    text = {name: {str(row["key"]): _text(row[name]) for row in rows} for name in ("value", "default")}
    changeable = {str(row["key"]): row["changeable"] == "yes" for row in rows}
    databases = frozenset(str(row["name"]) for row in await session.rows("pooler_databases"))
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


def _wrong(execution: PoolerReload, before: Shown, after: Shown) -> str:
    """Which settings were reset to their defaults although the file has other values, and by which line."""
    reset = {
        name: change
        for name, change in before.changed(after).items()
        if after.values.get(name) == after.defaults.get(name) != before.values[name]
    }
    culprit, text = "", local_files.read(Path(execution.file)) if execution.file else None
    if text is not None and "%include" not in text:
        late = pooler_ini.not_in_effect(text, after.values, after.changeable)
        lost = [line for line in late if line.name in reset]
        if not lost:
            return ""  # the file has no other values
        first = min([*lost, *filter(None, [pooler_ini.unreadable(text, after.values)])], key=lambda line: line.number)
        shown = one_line(without_secrets(first.text))[:100]
        culprit = f" The first line that it did not take is line {first.number} of {one_line(execution.file)}: {shown}."
    elif execution.resets:
        return ""
    if not reset:
        return ""
    names = ", ".join(f"{name} {change}" for name, change in list(reset.items())[:NAMED])
    more = f" and {len(reset) - NAMED} more" if len(reset) > NAMED else ""
    sentence = f"RELOAD reset {counted(len(reset), 'setting')} to the default: {names}{more}."
    return f"{sentence}{culprit}"


async def _take_back(execution: PoolerReload, session: PoolerSession, before: Shown) -> str:
    """Bring the former settings back: by the former file, else by SET. Returns how, as sentences."""
    sentences = []
    if execution.file and execution.former:
        sentences.append(await _former_file(execution, session))
    left = before.changed(await show(session))
    for name in left:
        if before.changeable.get(name):
            value = before.values[name].replace("'", "''")
            await session.command(f"SET {name} = '{value}'", SECONDS)
    still = before.changed(await show(session))
    if still:
        sentences.append(f"Not as before: {', '.join(f'{name} {change}' for name, change in still.items())}.")
    elif left:
        sentences.append(
            "The former settings are in effect again, by SET, until the next RELOAD: correct the file first."
        )
    else:
        sentences.append("The former settings are in effect again.")
    return " ".join(sentences)


async def _former_file(execution: PoolerReload, session: PoolerSession) -> str:
    path, former = Path(execution.file), Path(execution.former)
    rejected = path.with_name(f"{path.name}.rejected")
    try:
        rejected.unlink(missing_ok=True)
        restored = local_files.restored(former, path)
        local_files.write(local_files.planned(path, restored.text, local_files.read(path), rejected))
        await _reload(session)
    except (Trouble, OSError) as why:
        return f"{one_line(path)} could not be restored: {one_line(why)}."
    return f"{one_line(path)} has its former content again; what was rejected is in {one_line(rejected.name)}."


def _changes(before: Shown, after: Shown) -> str:
    changed = before.changed(after)
    gone, new = before.databases - after.databases, after.databases - before.databases
    parts = [
        *(f"{name} {change}" for name, change in changed.items()),
        *(f"database {one_line(name)} removed" for name in sorted(gone)),
        *(f"database {one_line(name)} added" for name in sorted(new)),
    ]
    return f"Changed by RELOAD: {', '.join(parts)}." if parts else "RELOAD changed no setting and no database."

"""The step of write-pgbouncer-config that puts what it wrote in effect, where PgBouncer reads that file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from console.actions.pooler.chosen import ChosenPooler
from console.actions.pooler.reload import PROGRAM, former_copy, undo_of
from console.files import pooler_ini
from console.files.open_files import started_with
from console.format import one_line, safe
from console.model import Kind, LocalFile, PoolerReload, Step, Trouble
from console.records import dataclass


@dataclass(frozen=True, slots=True)
class Written:
    """What is to be written: the configuration, its path, and the files that differ, the configuration last."""

    path: Path
    text: str
    files: tuple[LocalFile, ...]
    shown: str  # what a person may see of them


async def applying(pooler: ChosenPooler, written: Written, login: str) -> tuple[tuple[Step, ...], tuple[str, ...]]:
    """The step, none if everything is in effect, and notes. Raises Trouble(REFUSED) if PgBouncer reads another file."""
    _refuse_other_file(pooler, written.path)
    changeable = {str(row["key"]): row["changeable"] == "yes" for row in await pooler.rows("pooler_config")}
    notes = (*_restart(written.text, pooler.config, changeable), *_lost_right(pooler, written.text))
    if not written.files and not pooler_ini.not_in_effect(written.text, pooler.config, changeable):
        return (), notes
    former = None if written.files else former_copy("", written.path, written.text, pooler.config, changeable)
    reload = PoolerReload(
        pooler.uri, pooler.name, str(written.path), str(former or ""), files=written.files, login=login
    )
    step = Step(
        f"{written.shown}\n\nRELOAD;" if written.files else "RELOAD;",
        lock="none",
        execution=reload,
        undo=undo_of(reload),
        note=f"PgBouncer {one_line(pooler.name)}: compares SHOW CONFIG and SHOW DATABASES with the file and logs in as "
        "a client; if that fails, the former files and settings are put back",
    )
    return (step,), notes


def _refuse_other_file(pooler: ChosenPooler, path: Path) -> None:
    """Raises Trouble(REFUSED) unless the running PgBouncer is known to read this very file."""
    by_itself = f"PgBouncer {one_line(pooler.name)}"
    if not pooler.session.local:
        raise Trouble(
            Kind.REFUSED,
            f"{by_itself} runs on another machine: it does not read {safe(path)} of this one.",
            "Run this on its machine, or write without apply, copy the files there, and run pooler-reload.",
        )
    reads = _conffile(pooler)
    if reads is None:
        raise Trouble(
            Kind.REFUSED,
            f"It is not known which file {by_itself} reads: SHOW CONFIG names none, and its process is not visible.",
            "Write without apply, then use pooler-reload, which compares the settings.",
        )
    if not path.exists() or not reads.exists() or not path.samefile(reads):
        raise Trouble(
            Kind.REFUSED,
            f"{by_itself} reads {one_line(reads)}, not {safe(path)}: RELOAD would not apply what is written there.",
            f"Use --set file={one_line(reads)}, or start a PgBouncer with the written file.",
        )


def _conffile(pooler: ChosenPooler) -> Path | None:
    shown = Path(pooler.config.get("conffile", ""))
    if shown.is_absolute():
        return shown
    return started_with(pooler.config.get("pidfile", ""), PROGRAM, ".ini")


def _restart(text: str, config: Mapping[str, str], changeable: Mapping[str, bool]) -> Sequence[str]:
    fixed = {name: not can for name, can in changeable.items()}
    late = pooler_ini.not_in_effect(text, config, fixed)
    if not late:
        return ()
    names = ", ".join(f"{line.name} {one_line(config[line.name]) or 'empty'} → {one_line(line.value)}" for line in late)
    return (f"Only with a restart of PgBouncer: {names}.",)


def _lost_right(pooler: ChosenPooler, text: str) -> Sequence[str]:
    (admins,) = [line.value for line in pooler_ini.lines(text) if line.name == "admin_users"]
    if pooler.session.user in {admins, "pgbouncer"}:
        return ()
    user = one_line(pooler.session.user)
    return (f"{user} is no administrator of PgBouncer afterwards: connect as {one_line(admins)} to change or undo it.",)

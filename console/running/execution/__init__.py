"""How steps are run: one module for each kind of execution, found here and nowhere else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import assert_never

from console.model import (
    Batches,
    CacheDrop,
    Execution,
    Export,
    LoadTest,
    LocalFile,
    PoolerCommand,
    PoolerPause,
    PoolerReload,
    PoolerResume,
    Prewarm,
    Program,
    Standalone,
    Transaction,
)
from console.model.pooler_steps import PoolerStep
from console.running.execution import (
    batches,
    cache_drop,
    export,
    load_test,
    local_file,
    prewarm,
    program,
    standalone,
    transaction,
)
from console.running.execution.executor import Executor
from console.running.progress import StepProgress


def executor(execution: Execution) -> Executor:  # noqa: C901  one case a kind
    """The executor for this kind of execution."""
    match execution:
        case Transaction():
            found = transaction.executor(execution)
        case Batches():
            found = batches.executor(execution)
        case Standalone():
            found = standalone.executor(execution)
        case Export():
            found = export.executor(execution)
        case LocalFile():
            found = local_file.executor(execution)
        case Program():
            found = program.executor(execution)
        case LoadTest():
            found = load_test.executor(execution)
        case CacheDrop():
            found = cache_drop.executor(execution)
        case PoolerCommand() | PoolerPause() | PoolerReload() | PoolerResume():
            found = _of_pooler(execution)
        case Prewarm():
            found = prewarm.executor(execution)
        case _:
            assert_never(execution)
    return found


def _of_pooler(execution: PoolerStep) -> Executor:
    """The executor for a step at a PgBouncer; few runs have one, so that the console starts without them."""
    from console.running.execution import (  # noqa: PLC0415
        pooler_command,
        pooler_pause,
        pooler_reload,
        pooler_resume,
    )

    match execution:
        case PoolerCommand():
            return pooler_command.executor(execution)
        case PoolerPause():
            return pooler_pause.executor(execution)
        case PoolerReload():
            return pooler_reload.executor(execution)
        case PoolerResume():
            return pooler_resume.executor(execution)
        case _:
            assert_never(execution)


def groups(steps: Sequence[StepProgress]) -> Iterator[list[StepProgress]]:
    """Steps that run together: neighbours of the same group, and every other step alone."""
    group: list[StepProgress] = []
    shared: str | None = None
    for progress in steps:
        own = executor(progress.step.execution).group
        if group and (own is None or own != shared):
            yield group
            group = []
        group.append(progress)
        shared = own
    if group:
        yield group

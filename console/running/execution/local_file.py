"""A step that writes a local file."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from console.files import local_files
from console.model import LocalFile
from console.running.execution.executor import Context, Executor
from console.running.progress import StepProgress


def executor(execution: LocalFile) -> Executor:
    """Writes the file completely, or not at all."""
    restores = ((execution.kept, execution.path),) if execution.kept else ()
    return Executor(partial(execute, execution), "a file of this machine", restores=restores)


async def execute(file: LocalFile, context: Context, group: Sequence[StepProgress]) -> None:
    """Write it. Raises Trouble(REFUSED) if it has changed since the plan was made, or cannot be written."""
    context.begin(group[0])
    local_files.write(file)

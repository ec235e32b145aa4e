"""A step that drops cached values of brands in Redis."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from console.model import CacheDrop
from console.running.execution.executor import Context, Executor
from console.running.progress import StepProgress
from console.sources.redis.dropping import next_generation, remove_keys
from console.sources.redis.server import RedisServer


def executor(execution: CacheDrop) -> Executor:
    """Drops brand by brand; what a failed attempt has dropped stays dropped, and may be dropped again."""
    return Executor(partial(execute, execution), "in Redis", partial=True)


async def execute(execution: CacheDrop, context: Context, group: Sequence[StepProgress]) -> None:
    """Drop them and count them. Raises Trouble, also in a read-only console."""
    (progress,) = group
    report = context.begin(progress)
    await context.refuse_read_only()
    server = RedisServer(execution.uri)
    try:
        if execution.sweep:
            progress.rows = await remove_keys(server, execution.brands, report)
            return
        for done, brand in enumerate(execution.brands, 1):
            await next_generation(server, brand)
            progress.rows = done
            report(f"{done:,} of {len(execution.brands):,} brands")
    finally:
        await server.close()

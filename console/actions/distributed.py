"""Keeps actions that work on one server away from tables that Citus spreads over several."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from console.actions.needs import Needs
from console.format import one_line
from console.model import Kind, Plan, Source, Trouble
from console.model.locks import locks

NAMED_BY = ("table", "index", "view")  # parameters whose values are relations


async def refuse_distributed(server: Source, action: str, needs: Needs, names: Iterable[str]) -> None:
    """Raises Trouble(REFUSED) if one of these relations is distributed and Citus does not run the action on shards."""
    wanted = sorted({name for name in names if name})
    if not wanted or needs.on_shards:
        return
    for row in (await server.fetch("actions/distributed_relations", {"names": wanted})).records():
        raise Trouble(
            Kind.REFUSED,
            f"{one_line(row['name'])} is {one_line(row['kind'])}: {action} would only change its empty shell here.",
            needs.instead,
        )


def named_by(parameters: Mapping[str, str]) -> list[str]:
    """The relations that parameters name."""
    texts = [parameters.get(name, "") for name in NAMED_BY]
    return [part.strip() for text in texts for part in (text, *text.split(",")) if part.strip()]


def changed_by(plan: Plan) -> list[str]:
    """The relations that the steps of a plan lock or wait for."""
    return [name for step in plan.steps for name in (step.on, *(relation for _, relation in locks(step.lock)))]

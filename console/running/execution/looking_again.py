"""Before a statement is run, what its plan relied on is looked at again, locked to the end of the transaction."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence

from console import sql
from console.format import one_line
from console.model import Kind, Seen, Trouble
from console.running.failures import change_trouble
from console.running.progress import StepProgress
from console.sources.postgres import EXCHANGED, ActingSession, DriverError, Replies, Rows

_UNDEFINED_TABLE = "42P01"
_LOST = {"26000", EXCHANGED}  # a prepared statement that is gone, or another one now
_AGAIN = "40001"  # the step may be tried again
WORTH_PREPARING = 4  # times that a query is sent: preparing it takes a message, and as long as sending it once


@contextlib.asynccontextmanager
async def transaction(
    session: ActingSession, steps: Sequence[StepProgress], *first: str, last: Sequence[str] = ()
) -> AsyncIterator[Replies]:
    """A transaction of the session in which the relations that the plan of `steps` saw are locked, and unchanged.

    Raises Trouble(REFUSED) if one of them is another one now, or defined otherwise.
    """
    seen = _seen(steps)
    look = _look(session, seen)
    async with contextlib.AsyncExitStack() as stack:
        with _missing(session, seen):
            replies = await stack.enter_async_context(session.transaction(*look, *first, last=last))
        if seen:
            _refuse_changed(seen, replies.first[len(look) - 1])
            del replies.first[: len(look)]
        yield replies


def opening(session: ActingSession, steps: Sequence[StepProgress], *first: str) -> list[str]:
    """What `transaction` sends first, to be sent ahead of it."""
    return ["BEGIN", *_look(session, _seen(steps)), *first]


def looking(session: ActingSession, steps: Sequence[StepProgress], *more: str) -> list[str]:
    """What `look_again` sends, to be sent ahead of it."""
    seen = _seen(steps)
    return [*(session.prepared(_definitions(seen)) if seen else []), *more]


async def look_again(session: ActingSession, steps: Sequence[StepProgress], *more: str) -> list[Rows]:
    """The same check without a transaction, so without a lock; the rows of each result of `more`."""
    seen, asked = _seen(steps), looking(session, steps, *more)
    if not asked:
        return []
    with _missing(session, seen):
        results = await session.script(*asked)
    own = len(asked) - len(more)
    if seen:
        _refuse_changed(seen, results[own - 1])
    return results[own:]


async def prepare(
    session: ActingSession,
    groups: Sequence[Sequence[StepProgress]],
    confined: bool,
    then: Callable[[], Sequence[str]] = tuple,
) -> None:
    """Let the server plan once what is asked again and again.

    `confined`: some group is confined to a role, whose code could exchange what is prepared, so that is looked at too.
    Otherwise what `then` returns, which the session is asked next, is sent with it.
    """
    asked = Counter(_definitions(seen) for group in groups if (seen := _seen(group)))
    often = [query for query, times in asked.items() if times >= WORTH_PREPARING]
    if not often:
        return
    try:
        await (session.prepare_guarded(*often) if confined else session.prepare(*often, then=then))
    except DriverError as error:
        raise change_trouble(error) from None


def _seen(steps: Sequence[StepProgress]) -> list[Seen]:
    return list(dict.fromkeys(relation for progress in steps for relation in progress.step.sees))


def _look(session: ActingSession, seen: Sequence[Seen]) -> list[str]:
    return [_lock(seen), *session.prepared(_definitions(seen))] if seen else []


def _lock(seen: Sequence[Seen]) -> str:
    names = ", ".join(f"ONLY {relation.name}" for relation in seen)
    return f"LOCK TABLE {names} IN ACCESS SHARE MODE"


def _definitions(seen: Sequence[Seen]) -> str:
    oids = ", ".join(str(relation.oid) for relation in seen)
    return sql.load("actions/definitions").statement.replace("%(oids)s", f"ARRAY[{oids}]")


@contextlib.contextmanager
def _missing(session: ActingSession, seen: Sequence[Seen]) -> Iterator[None]:
    try:
        yield
    except DriverError as error:
        # By DEALLOCATE, PREPARE or DISCARD ALL in a function of the database; it may also raise such an error itself.
        if error.sqlstate in _LOST and session.forget_prepared():
            raise Trouble(Kind.BUSY, "A prepared statement is gone.", "", _AGAIN) from None
        if seen and error.sqlstate == _UNDEFINED_TABLE:
            raise _changed(seen[0]) from None
        raise


def _refuse_changed(seen: Sequence[Seen], rows: Rows) -> None:
    for relation in seen:
        if (relation.oid, relation.name, relation.digest) not in rows:
            raise _changed(relation)


def _changed(seen: Seen) -> Trouble:
    what = f"{one_line(seen.name)} changed since it was planned: its owner, columns, triggers, rules or foreign keys."
    return Trouble(Kind.REFUSED, what, "Plan again.")

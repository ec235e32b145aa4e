"""Several PgBouncers as one source."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from console.model import Facts, Row, Snapshot, Trouble
from console.sources.pgbouncer import admin
from console.sources.pgbouncer.admin import BEHIND, PgBouncerServer
from console.sources.pgbouncer.behind import ClientsBehind
from console.sources.pgbouncer.identity import Identity, unnamed

Answer = TypeVar("Answer")


class PgBouncers:
    """Several PgBouncers as one source: their rows together, with the pooler's name in the first column."""

    def __init__(self, poolers: Sequence[PgBouncerServer], name: str = "pgbouncer") -> None:
        """At least one pooler; those with the same label are numbered, and one process is shown once."""
        self.name = name
        self._poolers = tuple(poolers)
        self._names = names_of([pooler.label for pooler in poolers])
        by_name = dict(zip(self._names, self._poolers, strict=True))
        self._behind, self._identity = ClientsBehind(by_name), Identity(by_name)

    @property
    def facts(self) -> Facts:
        """Of the first pooler that answered, labelled with all. Raises Trouble(UNREACHABLE) before that."""
        for pooler in self._poolers[:-1]:
            with contextlib.suppress(Trouble):
                return replace(pooler.facts, label=self.label)
        return replace(self._poolers[-1].facts, label=self.label)

    @property
    def label(self) -> str:
        """The labels of all poolers."""
        return ", ".join(self._names)

    @property
    def retry_in(self) -> float:
        """Seconds until one of them is tried again; 0 when one is connected or due."""
        return min(pooler.retry_in for pooler in self._poolers)

    async def learn(self) -> Facts:
        """Connect to all. Raises Trouble only if none can be reached."""
        _some(await asyncio.gather(*(pooler.connect() for pooler in self._poolers), return_exceptions=True))
        return self.facts

    async def fetch(self, query: str, parameters: Mapping[str, object] | None = None) -> Snapshot:
        """The rows of all poolers that answer; a note names those that do not. Raises Trouble if none does.

        BEHIND looks up the clients behind PostgreSQL sessions; see `ClientsBehind`.
        """
        same = await self._identity.same()
        if query == BEHIND:
            return await self._behind.of(parameters or {}, without=same)
        asked = {name: pooler for name, pooler in zip(self._names, self._poolers, strict=True) if name not in same}
        reads = (pooler.fetch(query, parameters) for pooler in asked.values())
        answers = await asyncio.gather(*reads, return_exceptions=True)
        taken = _some(answers)
        columns = tuple(dict.fromkeys(column for snapshot in taken for column in snapshot.columns))
        rows: list[Row] = []
        remarks = list(self._identity.notes)
        for pooler, answer in zip(asked, answers, strict=True):
            if isinstance(answer, Snapshot):
                rows += [(pooler, *map(record.get, columns)) for record in answer.records()]
                remarks += answer.notes
                if query == "pooler_config" and len(self._poolers) == 1 and _shares_port(answer):
                    remarks.append(unnamed(pooler))
            else:
                remarks.append(str(answer))
        return replace(taken[0], columns=("pooler", *columns), rows=tuple(rows), notes=tuple(dict.fromkeys(remarks)))

    def text(self, query: str) -> str:
        """The SHOW commands that every pooler gets."""
        return admin.text(query)

    def obstacle(self, query: str) -> Trouble | None:
        """That there is no such query: every version has the SHOW commands of the others."""
        try:
            admin.text(query)
        except Trouble as unknown:
            return unknown
        return None

    async def close(self) -> None:
        """Close every admin connection."""
        await asyncio.gather(*(pooler.close() for pooler in self._poolers))


def _shares_port(config: Snapshot) -> bool:
    return any(row["key"] == "so_reuseport" and row["value"] == "1" for row in config.records())


def names_of(labels: Sequence[str]) -> list[str]:
    """The labels; those that are the same are numbered."""
    return [
        label if labels.count(label) == 1 else f"{label} #{labels[: at + 1].count(label)}"
        for at, label in enumerate(labels)
    ]


def _some(answers: Sequence[Answer | BaseException]) -> list[Answer]:
    failures = [answer for answer in answers if isinstance(answer, BaseException)]
    good = [answer for answer in answers if not isinstance(answer, BaseException)]
    for error in failures:
        if not good or not isinstance(error, Trouble):
            raise error
    return good

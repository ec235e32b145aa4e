"""Sources that answer from another one: only how an answer is made is their own, in every class of the house."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from console.model import Facts, Kind, Snapshot, Trouble
from console.sources.derived import Derived, Parameters, made_of
from console.sources.heard import heard
from console.sources.replay import Replay

HOUSE = Path(__file__).parent.parent / "console"
PASSED_ON = {"name", "label", "facts", "retry_in", "learn", "text", "obstacle"}
MOST = 1  # members that a class may pass on by itself
# A Derived is what passes them on, and a ConfinedServer is a whole Database in another role.
ALLOWED = {"Derived", "ConfinedServer"}

ROWS = Snapshot("locks", ("pid",), ((1,), (2,)), datetime(2026, 11, 29, tzinfo=UTC), sql="SELECT pid")
FACTS = Facts("postgres", 180004, "18.4", "here")


def server() -> Replay:
    """A server with an answer to one query."""
    return Replay(FACTS, {"locks": [ROWS]}, "postgres")


def counting() -> Derived:
    """How many rows the server returns."""
    of = server()

    async def answer(query: str, parameters: Parameters) -> Snapshot:
        del parameters
        return replace(ROWS, name=query, columns=("count",), rows=((len((await of.fetch("locks")).rows),),))

    return Derived("counts", of, answer, made_of({"count": ("locks", "more"), "rest": ("more",)}, "of the counts"))


async def test_answers_are_its_own_and_the_connection_that_of_the_server() -> None:
    source = counting()
    assert (await source.fetch("count")).rows == ((2,),)
    assert (source.name, source.facts, await source.learn(), source.retry_in) == ("counts", FACTS, FACTS, 0.0)


async def test_what_prevents_the_first_read_prevents_the_answer_and_no_other_does() -> None:
    source = counting()
    assert source.obstacle("count") is None
    why = source.obstacle("rest")
    assert why is not None
    assert why.sentence == "more was not recorded."


async def test_an_unknown_query_is_refused_by_every_member() -> None:
    source = counting()
    why = source.obstacle("nothing")
    assert why is not None
    assert why.sentence == "There is no query nothing of the counts."
    with pytest.raises(Trouble, match="no query nothing"):
        source.text("nothing")
    with pytest.raises(Trouble, match="no query nothing"):
        await source.fetch("nothing")


async def test_a_heard_source_lets_answers_and_failures_be_known() -> None:
    came: list[tuple[str, Snapshot | Trouble]] = []
    source = heard(server(), lambda _, query, __, answer: came.append((query, answer)))
    assert await source.fetch("locks") is ROWS
    assert source.text("locks") == "SELECT pid"
    with pytest.raises(Trouble) as caught:
        await source.fetch("more")
    assert caught.value.kind is Kind.MISSING
    assert came == [("locks", ROWS), ("more", caught.value)]


def test_no_other_class_passes_on_the_members_of_a_source() -> None:
    copies = {
        f"{path.relative_to(HOUSE)}: {each.name}": sorted(passed)
        for path in sorted(HOUSE.rglob("*.py"))
        for each in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(each, ast.ClassDef) and each.name not in ALLOWED
        if len(passed := set(passed_on(each))) > MOST
    }
    assert not copies, f"these copy members of Derived (console/sources/derived.py): {copies}"


def passed_on(owner: ast.ClassDef) -> Iterator[str]:
    """The members of a source that a class only passes on to the same member of something that it has."""
    for member in owner.body:
        if isinstance(member, ast.FunctionDef | ast.AsyncFunctionDef) and member.name in PASSED_ON:
            *_, last = member.body
            returned = last.value if isinstance(last, ast.Return) else None
            if isinstance(returned, ast.Await):
                returned = returned.value
            if isinstance(returned, ast.Call):
                returned = returned.func
            if isinstance(returned, ast.Attribute) and returned.attr == member.name and _is_held(returned.value):
                yield member.name


def _is_held(value: ast.expr) -> bool:
    """Whether a value is an attribute of the object itself."""
    return isinstance(value, ast.Attribute) and isinstance(value.value, ast.Name) and value.value.id == "self"


def test_a_copy_is_recognised() -> None:
    text = '''
class Copy:
    @property
    def label(self):
        """That of the server."""
        return self._postgres.label
    async def learn(self):
        return await self._postgres.learn()
    def text(self, query):
        return text(query)
'''
    (owner,) = ast.parse(text).body
    assert isinstance(owner, ast.ClassDef)
    assert list(passed_on(owner)) == ["label", "learn"]

"""Dataclasses of `console.records` behave as those of the standard library."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
import re
from collections.abc import Callable
from dataclasses import field
from typing import Any, ClassVar

import pytest

from console import records
from console.records import dataclass
from tests.command import CHECKOUT

OPTIONS: tuple[dict[str, bool], ...] = ({"frozen": True, "slots": True}, {"slots": True}, {"frozen": True}, {})


def declare(decorate: Callable[..., Any], **options: bool) -> Any:
    """The same class, declared with one of the two."""

    class Reading:
        name: str
        rows: tuple[int, ...] = ()
        notes: list[str] = field(default_factory=list)
        seconds: float = field(default=0.5, compare=False)
        secret: str = field(default="s3cret", repr=False)
        seen: dict[str, int] = field(default_factory=dict, init=False, hash=False)
        level: int = field(default=3, init=False)
        limit: ClassVar[int] = 9

        def double(self) -> float:
            return 2 * self.seconds

    return decorate(**options)(Reading)


@pytest.fixture(params=OPTIONS, ids=str)
def both(request: pytest.FixtureRequest) -> tuple[Any, Any]:
    """A class of this project and the standard one."""
    return declare(dataclass, **request.param), declare(dataclasses.dataclass, **request.param)


def tried(call: Callable[[], object]) -> object:
    """The result, or the type and the sentence of the error."""
    try:
        return call()
    except Exception as error:  # noqa: BLE001  every error is compared
        return type(error).__mro__[:2], re.sub(r"\d+ positional", "n positional", str(error))


@pytest.mark.parametrize(
    "use",
    [
        lambda cls: repr(cls("a", (1, 2), ["x"], 2.0)),
        lambda cls: repr(cls(name="a", notes=["y"])),
        lambda cls: cls("a") == cls("a"),
        lambda cls: cls("a") == cls("b"),
        lambda cls: cls("a", seconds=1.0) == cls("a", seconds=2.0),
        lambda cls: cls("a") == "a",
        lambda cls: cls("a") != object(),
        lambda cls: cls("a").notes is cls("a").notes,
        lambda cls: dataclasses.asdict(cls("a")),
        lambda cls: repr(dataclasses.replace(cls("a"), rows=(1,))),
        lambda cls: dataclasses.replace(cls("a"), level=2),
        lambda cls: [each.name for each in dataclasses.fields(cls)],
        lambda cls: cls.__match_args__,
        lambda cls: cls("a").double(),
        lambda cls: (cls("a").level, cls("a").seen, cls("a").limit),
        lambda cls: setattr(cls("a"), "name", "b"),
        lambda cls: delattr(cls("a"), "name"),
        lambda cls: cls(),
        lambda cls: cls("a", other=1),
        lambda cls: cls("a", (), [], 0.0, "", 1, 2, 3),
        lambda cls: cls("a", level=1),
        lambda cls: repr(copy.copy(cls("a", notes=["x"]))),
        lambda cls: copy.deepcopy(cls("a", notes=["x"])).notes,
        lambda cls: cls.__hash__ is None,
        lambda cls: cls.__name__ + cls.__qualname__ + cls.__module__,
    ],
)
def test_it_behaves_as_the_standard_one(both: tuple[Any, Any], use: Callable[[Any], object]) -> None:
    mine, standard = both
    assert tried(lambda: use(mine)) == tried(lambda: use(standard))


def test_of_no_class_a_signature_is_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a class without docstring the standard one does, of one that has no `__init__` yet by parsing source code."""
    asked: list[object] = []
    monkeypatch.setattr(inspect, "signature", asked.append)
    cls = declare(dataclass, frozen=True, slots=True)
    assert (asked, cls.__doc__) == ([], "Reading")


def test_fields_keep_their_types_as_they_are_written() -> None:
    mine, standard = declare(dataclass, slots=True), declare(dataclasses.dataclass, slots=True)
    types = [each.type for each in dataclasses.fields(standard)]
    assert [each.type for each in dataclasses.fields(mine)] == types
    assert "tuple[int, ...]" in types
    assert mine.__annotations__ == standard.__annotations__


@dataclass(frozen=True, slots=True)
class Point:
    """A class that can be found by its name."""

    x: int
    y: int = 0
    parent: Point | None = None


def test_equal_values_have_equal_hashes_and_go_into_sets() -> None:
    assert {Point(1), Point(1, 0), Point(1, 2)} == {Point(1), Point(1, 2)}


def test_an_instance_survives_pickling() -> None:
    assert pickle.loads(pickle.dumps(Point(1, 2, Point(3)))) == Point(1, 2, Point(3))


def test_own_methods_are_kept() -> None:
    @dataclass(slots=True)
    class Counter:
        count: int = 0
        doubled: int = field(default=0, init=False)

        def __post_init__(self) -> None:
            self.doubled = 2 * self.count

        def __repr__(self) -> str:
            return "mine"

        def __eq__(self, other: object) -> bool:
            return True

        __hash__ = None  # type: ignore[assignment]

    assert (Counter(4).doubled, repr(Counter()), Counter() == Counter(1)) == (8, "mine", True)


def test_nothing_is_compiled_before_an_instance_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[type] = []
    compiled = records._compiled_init

    def noted(cls: type, frozen: bool) -> Any:
        made.append(cls)
        return compiled(cls, frozen)

    monkeypatch.setattr(records, "_compiled_init", noted)
    cls = declare(dataclass, frozen=True, slots=True)
    assert made == []
    assert [cls("a").name, cls("b").name, made] == ["a", "b", [cls]]


def test_the_console_declares_its_classes_with_it() -> None:
    standard = re.compile(r"^from dataclasses import .*\bdataclass\b", re.MULTILINE)
    alone = {"cache", "watchdog.py", "guard.py"}  # what runs without the console
    every = (CHECKOUT / "console").rglob("*.py")
    modules = [path for path in every if not alone & set(path.relative_to(CHECKOUT).parts)]
    assert [str(path) for path in modules if standard.search(path.read_text(encoding="utf-8"))] == []


def test_a_changed_copy_is_that_of_the_standard_library() -> None:
    @dataclass(frozen=True, slots=True)
    class Sample:
        name: str
        rows: tuple[int, ...] = ()
        notes: list[str] = field(default_factory=list)

    first = Sample("a", (1, 2), ["x"])
    for changes in ({}, {"rows": ()}, {"name": "b", "notes": ["y"]}):
        made = records.replace(first, **changes)
        assert made == dataclasses.replace(first, **changes)
        assert made is not first
    assert records.replace(first).notes is first.notes

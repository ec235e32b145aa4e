"""Values of a stranger's file, which can be of any kind, where the code expects those that a console reads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from console.model import Kind, Trouble

# What code does with a value that is of another kind than the query returns.
WRONG_VALUE = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)


@contextmanager
def foreign_values() -> Iterator[None]:
    """Raises Trouble where the code inside fails at a value: the file is at fault, and the rest of it can be shown."""
    try:
        yield
    except WRONG_VALUE as error:
        sentence = f"The file holds values here that no console has read ({type(error).__name__})."
        raise Trouble(Kind.FAILED, sentence, "Other panes and views may show what it holds.") from None

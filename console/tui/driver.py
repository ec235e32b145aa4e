"""The terminal driver with a meter: the cost of watching is itself shown."""

from __future__ import annotations

from functools import cache

from textual.driver import Driver


@cache
def counting(base: type[Driver]) -> type[Driver]:
    """`base` with an attribute `written`: bytes sent to the terminal so far."""

    class CountingDriver(base):  # type: ignore[misc, valid-type]
        written = 0

        def write(self, data: str) -> None:
            self.written += len(data) if data.isascii() else len(data.encode())
            super().write(data)

    return CountingDriver

"""Where `watch` delivers what it finds: to a command, or to a webhook whose URL is a secret."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from console.records import dataclass
from console.settings.yamlfile import Reader, converted, number, sequence, some_text, table

WAYS = ("command", "webhook_variable", "webhook_file")
LONGEST = 300.0  # seconds


@dataclass(frozen=True, slots=True)
class Delivery:
    """One receiver. Exactly one of its first three fields is set."""

    command: tuple[str, ...] = field(default=(), repr=False)  # program and arguments; may hold a secret
    variable: str = ""  # name of the environment variable with the URL of the webhook
    file: str = ""  # file with the URL, readable by its owner alone
    timeout: float = 10.0  # seconds for one attempt


def reader() -> Reader:
    """Reads one receiver."""
    fields = table(
        command=sequence(some_text),
        webhook_variable=some_text,
        webhook_file=some_text,
        timeout=number(0.1, LONGEST),
    )
    return converted(fields, _delivery)


def _delivery(found: Mapping[str, Any], _: str) -> Delivery:
    if sum(bool(found.get(way)) for way in WAYS) != 1:
        raise ValueError(f"needs exactly one of: {', '.join(WAYS)}")
    return Delivery(
        found.get("command", ()),
        found.get("webhook_variable", ""),
        found.get("webhook_file", ""),
        found.get("timeout", 10.0),
    )

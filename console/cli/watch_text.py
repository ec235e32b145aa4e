"""An event of `watch` as one line of text. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from console.format import one_line


def line(document: Mapping[str, Any]) -> str:
    """When, where, what happened, how serious it is unless it only needs care, and the sentence."""
    at: datetime = document["at"]
    finding = document["finding"]
    words = (
        at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        document["server"]["label"],
        document["event"],
        *([] if finding["level"] == "ok" else [finding["level"]]),
        f"{finding['rule']}:",
        finding["sentence"],
    )
    return " ".join(map(one_line, words))

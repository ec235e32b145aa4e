"""Free TCP ports on loopback, and waiting for a condition."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable

HOST = "127.0.0.1"
POLL = 0.02  # seconds between two looks at a condition


def free_port() -> int:
    """A port that is free now; another program may take it, so callers retry."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Whether `condition` came true within `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL)
    return True

"""asyncio without OpenSSL, which it loads for streams that only Redis over TLS has here: `allow_tls` gives it back.

The driver brings libpq with an OpenSSL of its own. Imported before anything imports asyncio.
"""

from __future__ import annotations

from importlib import import_module, reload

from console.later import instead


def allow_tls() -> None:
    """Let streams of asyncio use TLS."""
    import ssl  # noqa: PLC0415  a second OpenSSL

    for module in map(import_module, ("asyncio.base_events", "asyncio.selector_events")):
        vars(module)["ssl"] = ssl
    protocol = import_module("asyncio.sslproto")
    if vars(protocol)["ssl"] is None:
        reload(protocol)


with instead({"ssl": None}):
    import asyncio  # noqa: F401

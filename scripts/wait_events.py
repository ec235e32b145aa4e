"""Writes config/wait-events.tsv, the texts of wait events for servers before 17, from pg_wait_events of a newer one.

    python -m scripts.wait_events POSTGRES_URI

Run it against the newest server. Events that only older servers have keep their lines in the file.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from console.sources.postgres import PostgresServer
from console.watching.wait_texts import FILE, bundled

PATH = Path(__file__).parent.parent / "config" / FILE


async def read(uri: str) -> dict[tuple[str, str], str]:
    """The texts of that server, by class and event. Raises Trouble."""
    server = PostgresServer(uri, "newest")
    try:
        taken = await server.fetch("wait_events")
    finally:
        await server.close()
    return {(str(row["class"]), str(row["event"])): str(row["text"]) for row in taken.records()}


def main(uri: str) -> None:
    """Write the file."""
    texts = bundled() | asyncio.run(read(uri))
    lines = [f"{class_}\t{event}\t{text}\n" for (class_, event), text in sorted(texts.items())]
    PATH.write_text("".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])

"""The least-privilege role script, written by the server for its version and the connected database."""

from __future__ import annotations

from console.doctor.role import preset_settings
from console.format import safe
from console.model import Kind, Source, Trouble

NAME = "pipeline_console"
LONGEST = 63  # bytes, as PostgreSQL keeps of a name


async def role_script(server: Source, name: str = NAME) -> str:
    """SQL that creates the role `name`, which may read everything. Raises Trouble(USAGE) for a bad name."""
    if not name or len(name.encode()) > LONGEST or not name.isprintable():
        raise Trouble(
            Kind.USAGE,
            f"{safe(name, 80)} cannot be the name of a role.",
            "A name has 1 to 63 bytes and no control characters.",
        )
    if name.startswith("pg_") or name in {"public", "none"}:
        raise Trouble(Kind.USAGE, f"{name} is a name reserved by PostgreSQL.")
    taken = await server.fetch("doctor/role_script", {"role": name, "settings": preset_settings()})
    return "".join(f"{safe(line)}\n" for line in taken.values("line"))

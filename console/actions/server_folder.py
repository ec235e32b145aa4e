"""Where the files of one server are: passwords of its roles, configuration of its pooler."""

from __future__ import annotations

from pathlib import Path

from console.files import local_files
from console.model import Source


async def server_folder(server: Source) -> Path:
    """The folder of this server in the user's configuration, named by its system identifier. Raises Trouble."""
    (row,) = (await server.fetch("actions/server_identity")).records()
    return local_files.config_folder() / "servers" / str(row["identifier"])

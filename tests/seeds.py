"""The data of new servers, made by initdb once a run and copied: a copy takes a tenth of the work."""

from __future__ import annotations

import fcntl
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from console.demo.postgres_server import PostgresProcess
from console.files.scram import password

IDENTIFIER = 8  # bytes of the system identifier, with which pg_control begins
IN_SEGMENT = 24  # where a WAL segment names it: XLogLongPageHeaderData.xlp_sysid
CASTAGNOLI = 0x82F63B78  # the polynomial of CRC-32C, reflected
ALL = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Seeds:
    """Folders as initdb makes them, in a folder that the workers of a run share."""

    folder: Path

    def plant(self, process: PostgresProcess) -> None:
        """Fill the folder of a server that has none as if initdb had run for it. Raises Trouble.

        It has a system identifier of its own. Nobody knows the superuser's password: let `speak` set it.
        """
        seed = self.folder / f"{process.installation.source}-{process.installation.version}"
        with _alone(seed.with_name(f"{seed.name}.lock")):
            if not seed.exists():
                growing = replace(process, data=seed.with_name(f"{seed.name}.part"))
                growing.initialise(password(), process.data.parent)
                growing.data.rename(seed)
        subprocess.run(("cp", "-a", seed, process.data), check=True)
        _distinguish(process.data)


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Only one process of this run at a time."""
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _distinguish(data: Path) -> None:
    """Give the files of a server that was never started another system identifier, where they say it."""
    control = data / "global" / "pg_control"
    content = bytearray(control.read_bytes())
    former, own = bytes(content[:IDENTIFIER]), secrets.token_bytes(IDENTIFIER // 2)
    identifier = own + former[IDENTIFIER // 2 :] if sys.byteorder == "little" else former[: IDENTIFIER // 2] + own
    place = _checksum_of(content)
    content[:IDENTIFIER] = identifier
    content[place : place + 4] = _crc(content[:place]).to_bytes(4, sys.byteorder)
    control.write_bytes(content)
    for segment in (data / "pg_wal").glob("0*"):
        with segment.open("r+b") as file:
            file.seek(IN_SEGMENT)
            file.write(identifier)


def _checksum_of(content: bytearray) -> int:
    """Where pg_control has the checksum of what is before it, which differs between versions."""
    checks = range(IDENTIFIER, len(content), 4)
    return next(at for at in checks if _crc(content[:at]) == int.from_bytes(content[at : at + 4], sys.byteorder))


def _crc(content: bytearray) -> int:
    """CRC-32C."""
    crc = ALL
    for byte in content:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (CASTAGNOLI if crc & 1 else 0)
    return crc ^ ALL

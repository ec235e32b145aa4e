"""What the services of docker-compose.yml run: `prepare DIR` makes its secrets, `fill` schema and sample data.

`answers TARGET` is their health check.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from console.demo import cluster, content
from console.demo.account import Account
from console.demo.passwords import passfile, write_private
from console.demo.pooler import users as pooler_users
from console.demo.postgres_server import SUPERUSER
from console.files.pooler_config import ADMIN, STATS, PoolerSettings, render
from console.files.scram import password, verifier
from console.model import Trouble
from console.sources.postgres import answers
from console.sources.postgres.changing import acting_session

REPLICATION = "pipeline_replication"
POOLER_PORT = 6432
# Each service's folder, and the user it runs as there.
OWNERS: Mapping[str, Account] = {
    "postgres": Account("postgres", 999, 999),
    "console": Account("console", 10001, 10001),
    "pgbouncer": Account("pgbouncer", 10002, 10002),
}


def prepare(folder: Path) -> None:
    """Write every service's secrets below `folder`, once: a second run changes nothing."""
    done = folder / "prepared"
    if done.exists():
        return
    users = (SUPERUSER, REPLICATION, *cluster.SETTINGS, ADMIN, STATS)
    passwords = {user: password() for user in users}
    folder.chmod(0o711)
    for service, files in secrets(folder, passwords).items():
        own = folder / service
        own.mkdir(mode=0o700, exist_ok=True)
        account = OWNERS[service] if os.geteuid() == 0 else None
        if account is not None:
            os.chown(own, account.uid, account.gid)
        for name, text in files.items():
            write_private(own / name, text, account)
    done.touch()


def secrets(folder: Path, passwords: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Service → file → text."""
    of = {user: passwords[user] for user in (cluster.OWNER, cluster.APPLICATION, cluster.MONITOR)}
    poolers = {user: passwords[user] for user in (ADMIN, STATS)}
    replication = f"SET pipeline.replication = '{verifier(passwords[REPLICATION])}';\n\n"
    settings = PoolerSettings(
        database=cluster.DATABASE,
        server_host="postgres",
        server_port=5432,
        listen_addr="*",
        listen_port=POOLER_PORT,
        logfile="",
        pidfile="/tmp/pgbouncer.pid",  # noqa: S108  the container's own
        auth_file=str(folder / "pgbouncer" / "users.txt"),
    )
    return {
        "postgres": {
            "superuser": passwords[SUPERUSER] + "\n",
            "roles.sql": cluster.roles(passwords) + replication + cluster.replication(),
            "passfile": passfile({REPLICATION: passwords[REPLICATION]}, (5432,), "postgres"),
        },
        "console": {
            "passfile": passfile(of, (5432,), "*") + passfile(of | poolers, (POOLER_PORT,), "pgbouncer"),
        },
        "pgbouncer": {
            "pgbouncer.ini": render(settings),
            "users.txt": pooler_users(poolers | {cluster.LOOKUP: passwords[cluster.LOOKUP]}),
        },
    }


def fill(scale: float = 1.0) -> None:
    """Install the schema in libpq's default database, and sample data where there are none. Raises Trouble."""
    with acting_session("") as connection:
        content.install_schema(connection, connection.info.server_version // 10000)
        ((empty,),) = connection.execute("SELECT NOT EXISTS (SELECT FROM public.organizations)").fetchall()
        if empty:
            with acting_session("") as other:
                content.load_samples((connection, other), scale)


def main(arguments: list[str]) -> int:
    """Run one of the services; returns the exit code."""
    try:
        match arguments:
            case ["prepare", folder]:
                prepare(Path(folder))
            case ["fill"]:
                fill()
            case ["answers", target]:
                return 0 if answers(target) else 1
            case _:
                sys.stderr.write("prepare DIR, fill or answers TARGET\n")
                return 2
    except Trouble as trouble:
        sys.stderr.write(f"{trouble}\n")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

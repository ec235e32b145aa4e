"""PostgreSQL servers in containers, where a Docker engine answers."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from testcontainers.core.container import DockerContainer
from testcontainers.core.docker_client import DockerClient
from testcontainers.core.wait_strategies import LogMessageWaitStrategy

from console.demo.ports import free_port
from console.demo.postgres_server import PRELOADED, SUPERUSER

READY = "database system is ready to accept connections"
START_TIMEOUT = 600  # seconds; the first start pulls the image


def answers() -> bool:
    """Whether a Docker engine can be reached."""
    try:
        return bool(DockerClient().client.ping())
    except Exception:  # noqa: BLE001  the client raises whatever its transport raises; each of them means no engine
        return False


@dataclass(slots=True)
class DockerEngine:
    """One server in a container, on a fixed port so that a restart keeps it."""

    container: Any
    port: int
    host: str

    @classmethod
    def launch(cls, major: int, password: str, settings: Mapping[str, str]) -> Self:
        """Start the official image with the settings of the other servers."""
        port = free_port()
        inside = {"listen_addresses": "*", "unix_socket_directories": "/var/run/postgresql"}
        merged = dict(PRELOADED) | dict(settings) | inside
        command = ["postgres", *(part for name, value in merged.items() for part in ("-c", f"{name}={value}"))]
        container = (
            DockerContainer(f"postgres:{major}")
            .with_bind_ports(5432, port)
            .with_env("POSTGRES_PASSWORD", password)
            .with_env("POSTGRES_USER", SUPERUSER)
            .with_env("POSTGRES_INITDB_ARGS", "--encoding=UTF8 --locale=C --auth-host=scram-sha-256")
            .with_command(command)
            .waiting_for(LogMessageWaitStrategy(READY, times=2).with_startup_timeout(START_TIMEOUT))
        )
        container.start()
        return cls(container, port, os.environ.get("TESTCONTAINERS_HOST_OVERRIDE", "127.0.0.1"))

    def start(self) -> None:
        """Start the stopped container and wait for the server in it."""
        self.container.get_wrapped_container().start()
        LogMessageWaitStrategy(READY, times=3).with_startup_timeout(START_TIMEOUT).wait_until_ready(self.container)

    def stop(self) -> None:
        """Stop the server, keeping its data."""
        self.container.get_wrapped_container().stop()

    def close(self) -> None:
        """Remove the container and its data."""
        self.container.stop()

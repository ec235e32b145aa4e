"""What the console loads of asyncio and the driver, and what it can do all the same."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

from console.digest import sha256
from console.later import late
from tests.command import command, environment, loaded_modules
from tests.servers import PostgresServer as Cluster
from tests.waiting import PATIENCE

UNUSED = {"ssl", "_ssl", "_hashlib", "email", "importlib.metadata", "ctypes", "psycopg.version"}

OVER_TLS = """
from console import lean
import asyncio
from console.model import Trouble
from console.sources.redis.server import RedisServer

async def first_byte():
    heard = asyncio.get_running_loop().create_future()
    async def hear(reader, writer):
        heard.set_result(await reader.read(1))
        writer.close()
    async with await asyncio.start_server(hear, "127.0.0.1", 0) as server:
        redis = RedisServer(f"rediss://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        try:
            await redis.fetch("redis_server")
        except Trouble:
            print(await heard)

asyncio.run(first_byte())
"""
SEARCHED = """
from console.sources import driver
import sys
assert "ctypes" not in sys.modules
print(driver.psycopg.pq.misc.ctypes.util.find_library("c"))
import ctypes, ctypes.util
assert driver.psycopg.pq.misc.ctypes.c_int is ctypes.c_int
"""


def ran(home: Path, code: str, **extra: str) -> str:
    """What a fresh interpreter prints that runs `code`."""
    argv = [sys.executable, "-c", code]
    variables = environment(home, extra)
    return subprocess.run(argv, env=variables, capture_output=True, text=True, timeout=PATIENCE, check=True).stdout


@pytest.mark.parametrize("name", ["show connections", "check"])
def test_a_command_loads_neither_openssl_nor_parsers_of_mail(any_pg: Cluster, tmp_path: Path, name: str) -> None:
    assert loaded_modules(tmp_path, command(*name.split(), "-t", any_pg.uri("postgres"))).isdisjoint(UNUSED)


def test_the_interface_loads_no_second_openssl(tmp_path: Path) -> None:
    found = loaded_modules(tmp_path, "from console import lean\nimport console.tui.app, console.watching.observer")
    assert {"asyncio", "psycopg", "textual"} <= found
    assert found.isdisjoint({"ssl", "_ssl", "_hashlib"})


def test_redis_speaks_tls_though_asyncio_was_loaded_without(tmp_path: Path) -> None:
    assert ran(tmp_path, OVER_TLS) == f"{bytes([22])!r}\n"  # a handshake, RFC 8446, 5.1


def test_the_driver_still_finds_libraries(tmp_path: Path) -> None:
    assert ran(tmp_path, SEARCHED).startswith("libc")


def test_a_digest_is_that_of_hashlib() -> None:
    assert sha256("Büro") == hashlib.sha256("Büro".encode()).hexdigest()


def test_a_late_pattern_does_what_a_compiled_one_does() -> None:
    pattern, compiled = (make(r"(?P<word>b+)", re.IGNORECASE) for make in (late, re.compile))
    for _ in range(2):
        assert pattern.sub("-", "aBba") == compiled.sub("-", "aBba") == "a-a"
        assert [found["word"] for found in pattern.finditer("b aB")] == ["b", "B"]
    assert (pattern.pattern, pattern.flags, pattern.groupindex) == (compiled.pattern, compiled.flags, {"word": 1})


COMPILED = """
import re, sys
own = [module for name, module in sys.modules.items() if name.startswith("console.")]
print("compiled", *{name for module in own for name, value in vars(module).items() if isinstance(value, re.Pattern)})
"""


def test_check_compiles_few_patterns_before_they_are_used(any_pg: Cluster, tmp_path: Path) -> None:
    printed = ran(tmp_path, f"{command('check', '-t', any_pg.uri('postgres'))}\n{COMPILED}").splitlines()
    assert len(printed[-1].split()) <= 1 + 10

"""Loads any value: a text in another encoding or an infinite time must not cost the whole read."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime

import psycopg
from psycopg import pq
from psycopg.abc import Buffer
from psycopg.adapt import AdaptersMap, Loader, Transformer
from psycopg.types import datetime as times
from psycopg.types import string as strings

_TEXTS = ("text", "name", "varchar", "bpchar", '"char"')
_TIMES: tuple[tuple[str, type[Loader], type[Loader]], ...] = (
    ("timestamptz", times.TimestamptzLoader, times.TimestamptzBinaryLoader),
    ("timestamp", times.TimestampLoader, times.TimestampBinaryLoader),
    ("date", times.DateLoader, times.DateBinaryLoader),
)


def read_anything(connection: psycopg.AsyncConnection[tuple[object, ...]]) -> None:
    """Let `connection` return every text, undecodable bytes escaped, and times beyond Python's as text."""
    for name in _TEXTS:
        connection.adapters.register_loader(name, TextLoader)
        connection.adapters.register_loader(name, _TextBinaryLoader)
    for name, loader in _LENIENT:
        connection.adapters.register_loader(name, loader)


def fast_loaders(connection: psycopg.AsyncConnection[tuple[object, ...]]) -> AdaptersMap:
    """The driver's own loaders, which are compiled, for a FastCursor; what they refuse is for `rows_of` to read."""
    loaders = AdaptersMap(connection.adapters)
    if connection.info.encoding == "utf-8":  # in SQL_ASCII the driver returns texts as bytes
        for name in _TEXTS:
            loaders.register_loader(name, strings.TextBinaryLoader)
        for name, _, binary in _TIMES:
            loaders.register_loader(name, binary)
    return loaders


class FastCursor(psycopg.AsyncCursor[tuple[object, ...]]):
    """A cursor with loaders that all cursors of its connection share: to register them takes longer than most reads."""

    def __init__(self, connection: psycopg.AsyncConnection[tuple[object, ...]], loaders: AdaptersMap) -> None:
        super().__init__(connection)
        self.format = pq.Format.BINARY
        self._loaders = loaders

    @property
    def adapters(self) -> AdaptersMap:
        """Those loaders."""
        return self._loaders


def columns_of(cursor: psycopg.AsyncCursor[tuple[object, ...]]) -> tuple[str, ...]:
    """The names of the columns; the driver's own description looks up the type of each as well."""
    result, encoding = cursor.pgresult, cursor.connection.info.encoding
    return tuple([(result.fname(at) or b"").decode(encoding) for at in range(result.nfields)]) if result else ()


async def rows_of(cursor: psycopg.AsyncCursor[tuple[object, ...]]) -> tuple[tuple[object, ...], ...]:
    """All rows of a cursor that reads fast, whatever they hold."""
    try:
        return tuple(await cursor.fetchall())
    except (UnicodeDecodeError, psycopg.DataError):
        transformer = Transformer(cursor.connection)
        transformer.set_pgresult(cursor.pgresult)
        return tuple(transformer.load_rows(0, cursor.rowcount, tuple))


class TextLoader(Loader):
    """Text as UTF-8; other bytes become escapes."""

    def load(self, data: Buffer) -> str:
        """The text of one value."""
        return bytes(data).decode("utf-8", "backslashreplace")


class _TextBinaryLoader(TextLoader):
    format = pq.Format.BINARY


def keep_bytes(cursor: psycopg.AsyncCursor[tuple[object, ...]]) -> None:
    """Let `cursor` return undecodable bytes of texts as surrogates: unlike an escape, they are no other text."""
    for name in _TEXTS:
        cursor.adapters.register_loader(name, _ExactBinaryLoader)


class _ExactBinaryLoader(Loader):
    format = pq.Format.BINARY

    def load(self, data: Buffer) -> str:
        """The text of one value."""
        return bytes(data).decode("utf-8", "surrogateescape")


def _textual(base: type[Loader]) -> type[Loader]:
    class Lenient(base):  # type: ignore[misc, valid-type]
        def load(self, data: Buffer) -> datetime | date | str:
            text = bytes(data).decode()
            return text if text.endswith(("infinity", "BC")) else super().load(data)

    return Lenient


def _binary(base: type[Loader]) -> type[Loader]:
    class Lenient(base):  # type: ignore[misc, valid-type]
        def load(self, data: Buffer) -> datetime | date | str:
            try:
                return super().load(data)  # type: ignore[no-any-return]
            except psycopg.DataError:
                return "-infinity" if bytes(data)[:1] >= b"\x80" else "infinity"

    return Lenient


def _lenient() -> Iterator[tuple[str, type[Loader]]]:
    for name, textual, binary in _TIMES:
        yield name, _textual(textual)
        yield name, _binary(binary)


_LENIENT = tuple(_lenient())

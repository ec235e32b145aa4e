"""Another folder of SQL files in place of the one of the checkout."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from console import sql


@contextmanager
def content_in(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the console find `sql/` and `config/` in `folder`, and forget what it remembers of files before and after."""
    with monkeypatch.context() as patch:
        patch.setattr(sql, "content", lambda: folder)
        _forget()
        yield
    _forget()


def _forget() -> None:
    for remembered in (sql.load, sql.names, sql._files):
        remembered.cache_clear()

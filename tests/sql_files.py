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
        forget_files()
        yield
    forget_files()


def forget_files() -> None:
    """Let the console look for its files again: there are others now."""
    for remembered in (sql.load, sql.names, sql._files):
        remembered.cache_clear()

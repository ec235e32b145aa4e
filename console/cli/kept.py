"""Help and lists, kept in the user's cache folder: making them loads every declaration, twenty times what Python needs.

Like byte code they are made again when a file that they are made of has changed. Only the smallest modules of the
standard library are loaded here.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# ruff: noqa: PTH100, PTH103, PTH105, PTH111, PTH112, PTH116, PTH117, PTH118, PTH120, PTH123
HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
HELP = "help"
COLUMNS = 80  # what the help is laid out for
FORMATS = ("text", "json")
DECLARING = ("actions", "cli", "panes", "rules", "tuning")  # folders


def kept(arguments: Sequence[str]) -> str | None:
    """What these arguments print, if that was kept, nothing has changed since, and this terminal can show it."""
    name = name_of(arguments)
    if not name or (name == HELP and _columns() < COLUMNS):
        return None
    try:
        with open(_file(name), encoding="utf-8") as file:
            mine = os.fstat(file.fileno()).st_uid == os.geteuid()
            text = file.read() if mine and file.readline() == _stamp() else ""
    except (OSError, UnicodeDecodeError):
        return None
    return text if text and (text.isascii() or _writes_utf8()) else None


def keep(name: str, text: str) -> None:
    """Keep what was printed; where nothing can be written it is made again each time."""
    path = _file(name)
    try:
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        draft = f"{path}.{os.getpid()}"
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(_stamp() + text)
        os.replace(draft, path)
    except OSError:
        return


def name_of(arguments: Sequence[str]) -> str:
    """The name under which what they print is kept; empty: it is not."""
    match list(arguments):
        case ["--help"]:
            return HELP
        case ["list", what] if what.isalpha():
            return list_name(what, FORMATS[0])
        case ["list", what, "--format", form] if what.isalpha() and form in FORMATS:
            return list_name(what, form)
    return ""


def list_name(what: str, form: str) -> str:
    """The name of a list."""
    return f"{what}.{form}"


def _file(name: str) -> str:
    base = os.environ.get("XDG_CACHE_HOME", "")
    folder = base if os.path.isabs(base) else os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(folder, "pipeline-console", name)


def _stamp() -> str:
    """What changes when a file changes, wherever the console is installed."""
    content = os.path.join(os.path.dirname(HERE), "config", "presets")  # elsewhere presets do not change
    folders = [os.path.join(HERE, name) for name in DECLARING] + [content]
    times = [os.stat(os.path.join(HERE, "keys.py")).st_mtime_ns, *(time for each in folders for time in _times(each))]
    return f"{HERE} {sys.hexversion} {len(times)} {sum(times)}\n"


def _times(folder: str) -> Iterator[int]:
    if not os.path.isdir(folder):
        return
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.endswith((".py", ".yml")):
                yield entry.stat().st_mtime_ns
            elif "." not in entry.name and entry.name != "__pycache__":
                yield from _times(entry.path)


def _writes_utf8() -> bool:
    # A locale may have fewer characters than Python would write.
    locale = next((os.environ[name] for name in ("LC_ALL", "LC_CTYPE", "LANG") if os.environ.get(name)), "")
    return sys.stdout.encoding == "utf-8" and "utf" in locale.lower()


def _columns() -> int:
    try:
        return int(os.environ.get("COLUMNS", "")) or COLUMNS
    except ValueError:
        pass
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns
    except (OSError, ValueError):
        return COLUMNS

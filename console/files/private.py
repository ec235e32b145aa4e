"""The one way to write a private file: mode 0600 whatever the umask, never through a symbolic link.

A new version is first written to .NAME.partial in the same directory and synced, then renamed. So readers, and a
console that is killed, find the former file or the new one, never half of it.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from console.format import safe
from console.model import Kind, Trouble

MODE, FOLDER_MODE = 0o600, 0o700
PAGE = 4096  # bytes that take space in any file system
_FULL = {errno.ENOSPC, errno.EDQUOT}
_CLOSED = {errno.EROFS, errno.EACCES, errno.EPERM}


def file_remedy(error: OSError) -> str:
    """What to do where a file that was named cannot be written."""
    if error.errno in _FULL:
        return "Free some space, or choose another directory."
    return "Choose another directory, or one that this user may write to." if error.errno in _CLOSED else ""


def state_remedy(error: OSError) -> str:
    """What to do where the console cannot write what it keeps."""
    if error.errno in _FULL:
        return "Make room, or give XDG_STATE_HOME a folder that has some."
    return "Make it writable for your user, or give XDG_STATE_HOME a folder that is."


@contextlib.contextmanager
def troubles(path: Path, kind: Kind = Kind.FAILED, remedy: Callable[[OSError], str] = file_remedy) -> Iterator[None]:
    """Raises an error of the operating system about `path` as Trouble, with the `remedy` for it."""
    try:
        yield
    except BlockingIOError:
        raise Trouble(Kind.REFUSED, f"Another console is writing {safe(path)}.", "Wait until it is done.") from None
    except OSError as error:
        if error.errno in _FULL:
            raise Trouble(Kind.FAILED, f"There is no space left for {safe(path)}.", remedy(error)) from None
        raise Trouble(kind, f"{safe(path)}: {safe(error.strerror or error)}.", remedy(error)) from None


def make_folder(folder: Path) -> None:
    """Create a directory and its missing parents with mode 0700, whatever the umask. Raises OSError."""
    if folder.is_dir():
        return
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    for path in reversed(missing):
        with contextlib.suppress(FileExistsError):  # another process was faster
            path.mkdir(FOLDER_MODE)
            path.chmod(FOLDER_MODE)
    if not folder.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder))


def open_private(path: Path, flags: int) -> int:
    """A descriptor of the file `path`, created if it is missing; a file of this user gets mode 0600.

    Raises OSError, and Trouble(REFUSED) if it is a symbolic link, no file, has a second name, or others may read it.
    """
    try:
        descriptor = _open(path, flags)
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        raise _untrusted(path, "is a symbolic link") from None
    try:
        found = os.fstat(descriptor)
        if found.st_uid == os.geteuid() and stat.S_IMODE(found.st_mode) != MODE:
            os.fchmod(descriptor, MODE)
            found = os.fstat(descriptor)
        _refuse_untrusted(path, found, 0o077)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def open_trusted(path: Path) -> int:
    """A descriptor to read what this console wrote before. Raises OSError, and Trouble(REFUSED) as `open_private`.

    That others may read it is no reason to refuse it; that they may write it is.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        raise _untrusted(path, "is a symbolic link") from None
    try:
        _refuse_untrusted(path, os.fstat(descriptor), 0o022)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _refuse_untrusted(path: Path, found: os.stat_result, closed: int) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise _untrusted(path, "is not a file")
    if found.st_nlink != 1:
        raise _untrusted(path, "has a second name")
    if found.st_mode & closed:
        raise _untrusted(path, "is open to other users")


def _untrusted(path: Path, why: str) -> Trouble:
    return Trouble(Kind.REFUSED, f"{safe(path)} {why}.", "Remove it, or choose another directory.")


def hold(path: Path) -> int:
    """A descriptor of the empty file `path`, which this process alone may write until it closes it.

    What a killed process left there is overwritten. Raises BlockingIOError if another process holds it, and
    Trouble(REFUSED) if it belongs to another user: where others may write, one could have created it to read it.
    """
    while True:
        descriptor = _open(path, os.O_WRONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_still(descriptor, path):
                _refuse_others(descriptor, path)
                os.fchmod(descriptor, MODE)
                os.ftruncate(descriptor, 0)
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)  # its former holder gave it its final name, or removed it


@contextlib.contextmanager
def replacing(path: Path, new: bool = False) -> Iterator[BinaryIO]:
    """A file to write; at the end of the block it takes the place of `path`, synced.

    If the block fails, `path` is unchanged. Raises FileExistsError with `new` if `path` exists, OSError, and Trouble as
    `hold` does.
    """
    partial = partial_of(path)
    with os.fdopen(hold(partial), "wb") as file:
        try:
            yield file
            file.flush()
            os.fsync(file.fileno())
            if new:
                os.link(partial, path)  # unlike a rename it fails where something is
                partial.unlink()
            else:
                partial.replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                partial.unlink()
            raise
    sync_folder(path.parent)


def try_out(path: Path) -> None:
    """Find out whether a file can be written there, by a page of its partial one. Raises as `replacing` does."""
    partial = partial_of(path)
    with os.fdopen(hold(partial), "wb") as file:
        try:
            file.write(bytes(PAGE))
            file.flush()
        finally:
            partial.unlink()


def partial_of(path: Path) -> Path:
    """Where a new version of a file is written."""
    return path.with_name(f".{path.name}.partial")


def write(path: Path, text: str, new: bool = False, owner: tuple[int, int] | None = None) -> None:
    """Write a private file at once, owned by the user and group ids in `owner`. Raises as `replacing` does."""
    with replacing(path, new) as file:
        file.write(text.encode())
        if owner is not None:
            os.fchown(file.fileno(), *owner)


def sync_folder(folder: Path) -> None:
    """Sync the names in a directory to the disk. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _open(path: Path, flags: int) -> int:
    return os.open(path, flags | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, MODE)


def _is_still(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat(follow_symlinks=False))
    except FileNotFoundError:
        return False


def _refuse_others(descriptor: int, path: Path) -> None:
    found = os.fstat(descriptor)
    if found.st_uid != os.geteuid() or found.st_nlink != 1:
        raise Trouble(
            Kind.REFUSED,
            f"{safe(path)} belongs to another user, or the file has a second name.",
            "Remove it, or choose another directory.",
        )

"""The password file: a line ROLE=password for each role, mode 0600; missing passwords are generated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from console.files import local_files
from console.files.scram import password
from console.format import safe
from console.model import Kind, Parameter, Step, Trouble
from console.records import dataclass
from console.redaction import HIDDEN

PARAMETER = Parameter(
    "passwords",
    "file with a line ROLE=password for each role, mode 0600; missing ones are generated and added; "
    "empty: passwords in the server's folder in the console's configuration folder",
)


@dataclass(frozen=True, slots=True)
class Passwords:
    """The present content of the file, and its path."""

    path: Path
    text: str | None  # None: there is no file
    known: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Given:
    """Passwords of the roles, and the step that writes new ones; none if there are none."""

    of: Mapping[str, str]
    steps: tuple[Step, ...]
    note: str


def load(parameter: str, folder: Path) -> Passwords:
    """The file that the parameter names, else the one in the folder of the server.

    Raises Trouble(REFUSED) if others may read it, or a line is malformed.
    """
    path = local_files.path_of(parameter, folder / "passwords")
    text = local_files.read_secret(path)
    known: dict[str, str] = {}
    for number, line in enumerate((text or "").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        name, equals, secret = line.partition("=")
        if not equals or not name.strip() or not secret:
            raise Trouble(
                Kind.REFUSED, f"{safe(path)}, line {number}: write ROLE=password.", "Comment lines begin with #."
            )
        known[name.strip()] = secret
    return Passwords(path, text, known)


def passwords_for(found: Passwords, names: Sequence[str]) -> Given:
    """A password for each of `names`: from the file, else a new one that a step adds to the file."""
    new = {name: password() for name in names if name not in found.known}
    of = {name: found.known.get(name) or new[name] for name in names}
    if not new:
        return Given(of, (), f"Passwords are read from {safe(found.path)}." if names else "")
    before = found.text or ""
    text = before + ("\n" if before and not before.endswith("\n") else "")
    text += "".join(f"{name}={secret}\n" for name, secret in new.items())
    step = Step(
        sql="".join(f"{name}={HIDDEN}\n" for name in new).rstrip(),
        lock="none",
        execution=local_files.planned(found.path, text, found.text),
        note=f"random passwords, {'added to' if before else 'written to'} {safe(found.path)} (mode 0600)",
    )
    return Given(of, (step,), f"Passwords are in {safe(found.path)}, for this user alone, and nowhere else.")

"""With whose rights a statement is planned, with which settings, and whether that runs code of other roles."""

from __future__ import annotations

from console.explaining.named import named
from console.explaining.statement import Statement
from console.explaining.tokens import Lexeme, tokens
from console.format import one_line
from console.model import Database, Kind, Source, Trouble

Settings = tuple[tuple[str, str, str], ...]  # name, value, where it is set
OF_SERVER = "of the server"


async def planning_role(server: Database, wanted: str) -> tuple[str, bool]:
    """The role with whose rights is planned, and whether that is the session's own.

    Raises Trouble(REFUSED) if its rights are too many, or cannot be had.
    """
    rows = tuple((await server.fetch("explain_role", {"role": wanted})).records())
    if not rows:
        raise Trouble(Kind.REFUSED, f"There is no role {one_line(wanted)}.")
    row = rows[0]
    role, powers = str(row["role"]), row["powers"] if isinstance(row["powers"], list) else []
    if powers:
        can = "is a superuser" if role in powers else f"can become {one_line(powers[0])}"
        raise Trouble(
            Kind.REFUSED,
            f"{one_line(role)} {can}: EXPLAIN can run functions of other roles with the rights of the session.",
            "Name a plain role to plan with its rights and no others (the form asks for it; --as ROLE), or connect as "
            "one.",
        )
    if row["own"]:
        return role, True
    if not row["confines"]:
        raise Trouble(
            Kind.REFUSED,
            f"Only the session of a superuser can be confined to the rights of {one_line(role)}.",
            f"Connect as {one_line(role)}: -U {one_line(role)}.",
        )
    if row["standby"]:
        raise Trouble(
            Kind.REFUSED,
            "On a standby a session cannot be confined to another role.",
            f"Connect as {one_line(role)}: -U {one_line(role)}.",
        )
    return role, False


async def planning_settings(server: Database, user: str, search_path: str) -> Settings:
    """search_path and planner settings that sessions of `user` have here, with where each is set."""
    found = tuple(each for each in await role_settings(server, user) if each[0] != "lock_timeout")
    if search_path:
        schemas_of(search_path)
        found = (("search_path", search_path, "as given"), *(each for each in found if each[0] != "search_path"))
    return found


async def role_settings(server: Source, user: str) -> Settings:
    """`planning_settings` without what is given, and lock_timeout; an empty `user` is that of the session."""
    rows = (await server.fetch("explain_settings", {"role": user})).records()
    return tuple((str(row["name"]), str(row["value"]), str(row["source"])) for row in rows)


def schemas_of(value: str) -> list[str]:
    """The schemas of a search_path. Raises Trouble(USAGE) if it is none."""
    try:
        parts = tokens(value)
    except Trouble as why:
        raise Trouble(Kind.USAGE, f"The search_path cannot be read: {one_line(value)}") from why
    names = [part.text for part in parts if part.text != "," or part.sort is Lexeme.NAME]
    if any(not part.is_name and part.text != "," for part in parts):
        raise Trouble(Kind.USAGE, f"The search_path is not a list of schemas: {one_line(value)}")
    return names


async def refuse_foreign_code(
    server: Database, stated: Statement, role: str, settings: Settings, analyze: bool
) -> None:
    """Raises Trouble(REFUSED) if planning could run code that neither the role nor a superuser wrote."""
    names = named(stated.tokens)
    if names.runs_text:
        raise Trouble(
            Kind.REFUSED, f"{one_line(names.runs_text)}() runs what it is given as text, also while planning."
        )
    path = next((value for name, value, _ in settings if name == "search_path"), "")
    parameters = {
        "role": role,
        "schemas": schemas_of(path),
        "names": list(names.names),
        "called": list(names.called),
        "operators": list(names.operators),
        "analyze": analyze,
    }
    for row in (await server.fetch("explain_code", parameters)).records():
        what, name, owner = str(row["kind"]), one_line(row["name"]), one_line(row["owner"])
        if what == "volatile function":
            raise Trouble(Kind.REFUSED, f"Running it calls {name}, which is volatile: it may do more than read.")
        raise Trouble(
            Kind.REFUSED,
            f"Planning it could run the {what} {name} of {owner} with the rights of {one_line(role)}.",
            f"Explain it with the rights of {owner}: as superuser with --as {owner}, or connect as {owner}.",
        )

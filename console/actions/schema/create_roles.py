"""create-roles: the roles of the pipeline, their privileges, and PgBouncer's look-up; passwords leave as verifiers."""

from __future__ import annotations

from dataclasses import replace

from console.actions.needs import Needs, Right
from console.actions.planning import Action, Request, split_notes, steps_from_rows
from console.actions.server_folder import server_folder
from console.files import passwords
from console.files.passwords import Passwords
from console.files.scram import matches, verifier
from console.format import counted, one_line, safe
from console.model import Claim, Kind, Parameter, Plan, Snapshot, Source, Step, Trouble
from console.sql import content

ROLES = ("pipeline_owner", "pipeline_app", "pipeline_readonly", "pipeline_monitor", "pgbouncer_auth")
_LOGGED = {"ddl", "mod", "all"}  # values of log_statement with which CREATE ROLE is logged


async def plan(request: Request) -> Plan:
    """Steps for missing roles and privileges. Raises Trouble(REFUSED) if this role lacks a privilege for them."""
    server = request.server
    file = passwords.load(request.parameters["passwords"], await server_folder(server))
    renewed = await _to_renew(server, _named(request.parameters["renew"]), file)
    found = [
        await server.fetch("actions/create_roles", {"renew": renewed}),
        await server.fetch("actions/create_roles_grants"),
        await server.fetch("actions/create_roles_pooler", _look_up()),
    ]
    wanted = [each for snapshot in found for each in _steps(snapshot)]
    given = passwords.passwords_for(file, [name for _, name in wanted if name])
    made = (_with_verifier(step, name, given.of[name]) if name else step for step, name in wanted)
    notes = [note for snapshot in found for note in split_notes(snapshot)[1]]
    many = counted(len(wanted), "role or privilege", "roles and privileges")
    return Plan(
        Claim("roles of the server", cluster_wide=True),
        (*given.steps, *made),
        summary=f"{many} to create",
        result=f"{many} created",
        notes=(*([given.note] if given.note else []), *notes, *(await _logged(server) if given.of else ())),
    )


def _named(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in ROLES:
            raise Trouble(
                Kind.USAGE, f"{safe(name, 80)} is not a role of the pipeline.", f"Its roles are {', '.join(ROLES)}."
            )
    return names


async def _to_renew(server: Source, names: list[str], file: Passwords) -> list[str]:
    """The roles whose password differs from that in the file, as far as this role can see it."""
    await server.fetch("server_facts")
    if not names or not server.facts.superuser:
        return names
    kept = {row[0]: str(row[1]) for row in (await server.fetch("actions/role_verifiers", {"names": names})).rows}
    return [name for name in names if not matches(file.known.get(name, ""), kept.get(name, ""))]


def _look_up() -> dict[str, object]:
    text = (content() / "sql" / "cluster" / "pooler.sql").read_text(encoding="utf-8")
    return {"text": text, "body": text.split("$get_auth$")[1]}


def _steps(snapshot: Snapshot) -> list[tuple[Step, str]]:
    """The steps of a snapshot, each with the role whose verifier it needs."""
    rows, _ = split_notes(snapshot)
    return list(zip(steps_from_rows(rows), (str(name or "") for name in rows.values("secret")), strict=True))


def _with_verifier(step: Step, name: str, secret: str) -> Step:
    # A verifier consists of letters, digits and +/=:$-, so it needs no quoting.
    return replace(step, sql=step.sql.replace(f"'verifier of {name}'", f"'{verifier(secret)}'"))


async def _logged(server: Source) -> tuple[str, ...]:
    ((setting,),) = (await server.fetch("actions/log_statement")).rows
    if setting not in _LOGGED:
        return ()
    note = f"log_statement is {one_line(setting)}, so the server log keeps these statements: verifiers, no passwords."
    return (f"{note} A weak password could be guessed from a verifier; generated ones cannot.",)


CREATE_ROLES = Action(
    name="create-roles",
    title="Create roles",
    help="Creates the roles of the pipeline and their privileges: owner, application, read-only, monitor, pooler. "
    "Passwords are read from your file or generated; the server receives only SCRAM verifiers.",
    plan=plan,
    parameters=(
        passwords.PARAMETER,
        Parameter("renew", "roles, separated by commas, whose password is replaced by the one in the file"),
    ),
    needs=Needs(Right.CREATE_ROLES, planned=False),
)

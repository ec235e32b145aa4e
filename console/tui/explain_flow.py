"""From a row to the plan of its statement: what is asked first, the plan, and the same with values that are typed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from console.explaining.explain import Asked, ExplainedStatement
from console.explaining.subject import KeptStatement, Subject, find
from console.format import counted
from console.model import Choice, Kind, Parameter, Trouble
from console.records import dataclass
from console.tui.action_dialogs import ParameterDialog
from console.tui.action_flow import Front
from console.tui.dialogs import TextDialog
from console.tui.explain_dialog import ExplainDialog
from console.workspace import Workspace

TITLE = "Explain"
NULL = r"\N"
_ANALYZE = (
    Choice("no", "plan it"),
    Choice("yes", "also run it, for at most 30 s, and roll back; takes a SELECT and a value for each parameter"),
)


@dataclass(frozen=True, slots=True)
class ExplainForm:
    """What can be given for an EXPLAIN."""

    title: str
    help: str
    parameters: tuple[Parameter, ...]


class ExplainFlow:
    """Explains the statement of a row until its dialogs are closed."""

    def __init__(self, workspace: Workspace, front: Front, remark: Callable[[], str] = str) -> None:
        """`remark` is what each answer says: that it is of the present while the screen shows the past."""
        self._workspace = workspace
        self._front = front
        self._remark = remark

    async def begin(self, subject: Subject) -> None:
        """Show the plan of a statement; a superuser is asked first with whose rights it may be planned."""
        self._front.show_planning(TITLE)
        server = self._workspace.sources.postgres
        try:
            facts = await server.connect()
            found = await find(server, subject)
        except Trouble as why:
            await self._refuse(why)
            return
        given: Mapping[str, str] | None = {"role": found.user} if facts.superuser or facts.assumed_by else {}
        asks = bool(given)
        while given is not None:
            if asks:
                given = await self._front.ask(ParameterDialog(_form(found), given))
            if given is not None:
                asks = await self._explain(subject, found, given)
                given = given if asks else None

    async def _explain(self, subject: Subject, found: KeptStatement, given: Mapping[str, str]) -> bool:
        """Show the plan; whether it is wanted once more with other values."""
        self._front.show_planning(TITLE)
        try:
            explained: ExplainedStatement = await self._workspace.explain(_asked(subject, found, given))
        except Trouble as why:
            await self._refuse(why)
            return why.kind is Kind.USAGE
        if remark := self._remark():
            explained = replace(explained, notes=(remark, *explained.notes))
        answer: bool | None = await self._front.ask(ExplainDialog(explained))
        return bool(answer)

    async def _refuse(self, why: Trouble) -> None:
        await self._front.ask(TextDialog(TITLE, "\n\n".join(filter(None, (why.sentence, why.remedy, self._remark())))))


def subject_of(row: Mapping[str, Any]) -> Subject | None:
    """The statement that a row is about: of a statement, of a session, of what a finding shows; None: of none."""
    facts = row.get("evidence")
    if isinstance(facts, list):
        return next((found for fact in facts if (found := subject_of(fact.get("row") or {}))), None)
    queryid, pid = row.get("queryid"), row.get("pid")
    if isinstance(queryid, int):
        return Subject(queryid=queryid, userid=int(row.get("userid") or 0), dbid=int(row.get("dbid") or 0))
    return Subject(pid=pid) if isinstance(pid, int) and pid > 0 else None


def _form(found: KeptStatement) -> ExplainForm:
    count = len(found.statement.parameters)
    values = tuple(Parameter(name, rf"a value; {NULL} is NULL") for name in found.statement.parameters)
    return ExplainForm(
        TITLE,
        f"The statement has {counted(count, 'parameter')}. Without values its generic plan is shown."
        if count
        else "The statement has no parameters.",
        (
            *values,
            Parameter("role", "a plain role: it is planned with the rights of that role and no others"),
            Parameter("search_path", "schemas; empty: those of the role whose statement it is"),
            Parameter("analyze", "", default="no", choices=lambda: _ANALYZE),
        ),
    )


def _asked(subject: Subject, found: KeptStatement, given: Mapping[str, str]) -> Asked:
    """What the form asks for. Raises Trouble(USAGE) if only some of the values are given."""
    names = found.statement.parameters
    missing = [name for name in names if name not in given]
    if missing and len(missing) < len(names):
        raise Trouble(Kind.USAGE, f"No value was given for {', '.join(missing)}.", rf"{NULL} stands for NULL.")
    values = None if missing or not names else tuple(None if given[name] == NULL else given[name] for name in names)
    return Asked(
        subject, values, given.get("role", ""), given.get("search_path", ""), analyze=given.get("analyze") == "yes"
    )

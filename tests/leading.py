"""Where a finding leads: to the panes that show its evidence, and to the plans of its fixes."""

from __future__ import annotations

from console.actions import ACTIONS
from console.model import Evidence, Finding, Trouble
from console.panes import PANES
from console.reading.reader import Reader
from console.tui.table_rows import TableRows
from console.workspace import Workspace

# Rules over what no pane shows; MD5 passwords are among the obstacles of an upgrade, before 19.
UNSHOWN = frozenset({"extension-version", "md5-password"})

# Fixes that mean a session whatever it does: it holds a lock for itself, not for a transaction.
ITSELF = frozenset({("advisory-lock-leaked", "terminate-backend"), ("blocking-session", "terminate-backend")})


async def astray(workspace: Workspace, finding: Finding) -> list[str]:
    """What of a finding leads nowhere: Enter to a pane, view or row that there is not, `f` to no plan."""
    if finding.rule not in UNSHOWN and not any(fact.pane for fact in finding.evidence):
        return ["no evidence names a pane"]
    wrong = [f"{fact}: {why}" for fact in finding.evidence if (why := await _missing(workspace, fact))]
    for fix in finding.fixes:
        action = next(action for action in ACTIONS if action.name == fix.action)
        exact = {each.name for each in action.parameters if each.exact}
        if exact and not exact & fix.parameters.keys() and (finding.rule, fix.action) not in ITSELF:
            wrong.append(f"{fix} does not say what was seen")
        try:
            await workspace.plan(action, fix.parameters)
        except Trouble as trouble:
            wrong.append(f"{fix}: {trouble}")
    return wrong


async def _missing(workspace: Workspace, fact: Evidence) -> str:
    """What there is not of the place of a fact; empty: it is all there, or the fact has no place."""
    if not fact.pane:
        return ""
    pane = next((pane for pane in PANES if pane.name == fact.pane), None)
    if pane is None:
        return "no such pane"
    views = {view.name: view for view in pane.views}
    if fact.view and fact.view not in views:
        return "no such view"
    if not fact.row:
        return ""
    view = views[fact.view] if fact.view else pane.views[0]
    source = workspace.sources.of(pane, view)
    reader = Reader(view, workspace.sources.named)
    rows = TableRows()
    rows.replace(await reader.read(source), view.key)
    if rows.position_of(fact.row) is None and (filled := await reader.fill(source, rows.keys)):
        rows.replace(filled, view.key)
    return "" if rows.position_of(fact.row) is not None else f"no such row of {rows.values}"

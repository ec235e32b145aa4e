"""What keys begin with the rows that are marked in a pane, or with the row under its cursor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from console.tui.action_flow import ActionFlow
from console.tui.bindings import END_SESSION
from console.tui.dialog_stack import DialogStack
from console.tui.loading import EXPLAINING, load
from console.tui.pane_times import PaneTimes
from console.tui.pane_view import PaneView
from console.workspace import Workspace


class RowActions:
    """Begins flows of dialogs with rows of a pane."""

    def __init__(self, workspace: Workspace, dialogs: DialogStack, flow: ActionFlow, times: PaneTimes) -> None:
        """`times` tells whether the rows are of the past."""
        self._workspace = workspace
        self._times = times
        self._dialogs = dialogs
        self._flow = flow

    def choose(self, view: PaneView) -> None:
        """Choose an action, those of the pane first."""
        names, rows = view.pane.actions, view.chosen_rows
        self._dialogs.begin(lambda: self._flow.choose(names, rows))

    def end_session(self, view: PaneView) -> None:
        """Terminate the sessions of the rows."""
        rows = view.chosen_rows
        if rows:
            self._dialogs.begin(lambda: self._flow.begin(END_SESSION, rows))
        else:
            self._dialogs.toast("There is no session to end.", timeout=3)

    def explain(self, view: PaneView) -> None:
        """Show the plan of the statement that the row is about."""
        rows = view.chosen_rows
        self._dialogs.begin(lambda: self._explain(rows))

    async def _explain(self, rows: Sequence[Mapping[str, object]]) -> None:
        await load(*EXPLAINING)
        from console.tui.explain_flow import ExplainFlow, subject_of  # noqa: PLC0415  seldom used

        subject = subject_of(rows[0]) if rows else None
        if subject is None:
            self._dialogs.toast("This row has no statement." if rows else "There is no row to explain.", timeout=3)
        elif subject.queryid is None and self._times.is_past:
            self._dialogs.toast("The session may run another statement by now; ] turns back to the present.")
        else:
            flow = ExplainFlow(self._workspace, self._dialogs, lambda: self._times.remark)
            await flow.begin(subject)

    def stop_run(self, view: PaneView) -> None:
        """Stop the run under the cursor."""
        row = view.table.cursor_row
        if row is not None:
            self._workspace.stop(str(row["run"]))

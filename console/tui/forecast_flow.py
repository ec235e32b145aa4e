"""From a statement that is typed to who would wait for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from console.forecast.durations import seconds_of
from console.forecast.forecasting import AskedForecast
from console.forecast.lines import lines
from console.model import Parameter, Trouble
from console.records import dataclass
from console.tui.action_dialogs import ParameterDialog
from console.tui.action_flow import Front
from console.tui.dialogs import TextDialog
from console.workspace import Workspace

TITLE = "Who will wait"
WIDEST = 100  # cells of a line
MARGIN = 6  # cells around the text of a dialog


@dataclass(frozen=True, slots=True)
class ForecastForm:
    """What can be given for a forecast."""

    title: str
    help: str
    parameters: tuple[Parameter, ...]


FORM = ForecastForm(
    TITLE,
    "The server parses the statement and does not run it. What uses its tables is counted for 2 seconds.",
    (
        Parameter("statement", "ALTER TABLE …, CREATE INDEX …, DROP …, TRUNCATE …, VACUUM …", required=True),
        Parameter("lock_timeout", "200ms, 2s, 0: none; empty: that of the sessions of this role"),
        Parameter("search_path", "schemas; empty: those of the sessions of this role"),
    ),
)


class ForecastFlow:
    """Asks for a statement until its forecast was read."""

    def __init__(self, workspace: Workspace, front: Front, width: Callable[[], int]) -> None:
        """`width` is that of the screen, in cells."""
        self._workspace = workspace
        self._front = front
        self._width = width

    async def begin(self) -> None:
        """Show forecasts until the form is closed; it keeps what was typed."""
        given: Mapping[str, str] | None = {}
        while (given := await self._front.ask(ParameterDialog(FORM, given or {}))) is not None:
            self._front.show_planning(TITLE)
            await self._front.ask(TextDialog(TITLE, await self._text(given)))

    async def _text(self, given: Mapping[str, str]) -> str:
        try:
            made = await self._workspace.forecast(_asked(given))
        except Trouble as why:
            return f"{why.sentence}\n\n{why.remedy}".rstrip()
        return "\n".join(lines(made, min(WIDEST, self._width() * 96 // 100 - MARGIN)))


def _asked(given: Mapping[str, str]) -> AskedForecast:
    """What the form asks for. Raises Trouble(USAGE)."""
    timeout = given.get("lock_timeout", "")
    return AskedForecast(
        given.get("statement", ""), seconds_of(timeout) if timeout else None, given.get("search_path", "")
    )

"""What an application of Textual does with its terminal: takes it over, and sends no more than what changed."""

from __future__ import annotations

from rich.console import RenderableType
from textual._ansi_sequences import SYNC_END, SYNC_START
from textual.app import App
from textual.driver import Driver
from textual.screen import Screen

from console.format import pasteable
from console.tui.compositor import FrontScreen, whole
from console.tui.driver import TerminalDriver
from console.tui.first_screen import FirstScreen
from console.tui.grounds import SIXTEEN
from console.tui.picture import Picture
from console.tui.takeover import Takeover
from console.tui.themes import THEMES
from console.tui.updates import WrittenUpdate, written


class TerminalApp(App[int]):
    """An application in a terminal that may show a first screen already."""

    def __init__(self, theme: str, first_screen: FirstScreen | None = None) -> None:
        """`theme` is shown from show_theme() on; `first_screen` stays until the takeover is complete."""
        # Textual decides here, before a theme is set, whether colours may be the terminal's own.
        super().__init__(ansi_color=True if theme == SIXTEEN else None)
        self._theme_name = theme
        self.picture = Picture()
        self.takeover = Takeover(self, first_screen, self._display)

    def show_theme(self) -> None:
        """Set the theme, before the first frame."""
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = self._theme_name

    def _fatal_error(self) -> None:
        # Textual's own traceback prints local variables, and with them passwords.
        from rich.traceback import Traceback  # noqa: PLC0415  only when all is lost

        self.bell()
        self._exit_renderables.append(Traceback(show_locals=False))
        self._close_messages_no_wait()

    def get_default_screen(self) -> Screen[object]:
        """The screen below all dialogs."""
        return FrontScreen(id="_default")

    def _display(self, screen: Screen[object], renderable: RenderableType | None) -> None:
        if self.takeover.withholds():
            return
        if self._running and not self._closed and not self._batch_count and not self.is_headless:
            renderable = written(renderable, self.picture, self)
            if isinstance(renderable, WrittenUpdate):
                self._send(renderable.text)
                return
            if renderable is not None and self._driver is not None:
                self._driver.write(self.picture.rest())
        super()._display(screen, renderable)

    def _send(self, text: str) -> None:
        """Write an update at once: Textual would write its marks, which keep it together, each by itself."""
        if self._driver is None:
            return
        at = self._previous_cursor_position = self.screen.outer_size.clamp_offset(self.cursor_position)
        begin, end = (SYNC_START, SYNC_END) if self._sync_available else ("", "")
        self._driver.write(f"{begin}{text}\x1b[{at.y + 1};{at.x + 1}H{end}")
        self._driver.flush()
        self.post_display_hook()

    def hand_over(self) -> bool:
        """Take the terminal over from the first screen; whether there was one. The driver asks for it."""
        self.picture.forget()
        return self.takeover.hand_over()

    def copy_to_clipboard(self, text: str) -> None:
        """Copy text over the terminal (OSC 52), without what a terminal would run when it is pasted."""
        super().copy_to_clipboard(pasteable(text))

    def get_driver_class(self) -> type[Driver]:
        """The terminal driver, which counts the bytes it sends and ends the console with its terminal."""
        return TerminalDriver

    @property
    def bytes_written(self) -> int:
        """Bytes sent to the terminal so far."""
        return getattr(self._driver, "written", 0)

    def action_redraw(self) -> None:
        """Send the whole screen, as after another program has written to the terminal."""
        self.picture.forget()
        self._display(self.screen, whole(self.screen))

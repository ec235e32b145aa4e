"""A line in which text is typed."""

from __future__ import annotations

from collections.abc import Callable

from textual.widgets import Input


class TextField(Input):
    """Calls back at once for each change and for Enter.

    A message would be handled after the keys that follow, which belong to what this key opens.
    """

    def __init__(
        self,
        text: str = "",
        *,
        submit: Callable[[], object],
        typed: Callable[[str], object] | None = None,
        placeholder: str = "",
    ) -> None:
        """`submit` is called for Enter, `typed` with the text at each change."""
        self._submit = submit
        self._typed = typed
        # Textual would select the text only after keys that were typed in a hurry: KeyRouting does it at once.
        super().__init__(text, placeholder=placeholder, select_on_focus=False)

    def on_mount(self) -> None:
        """What is typed replaces the text that is proposed."""
        self.select_all()

    def watch_value(self, value: str) -> None:
        """Report each change."""
        if self._typed is not None:
            self._typed(value)

    async def action_submit(self) -> None:
        """Report Enter."""
        self._submit()

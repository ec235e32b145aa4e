"""Which keys of the console a terminal or multiplexer intercepts, and what to press or bind instead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from console.doctor.check import Check, Status
from console.keys import all_keys

SAME_BYTE: Mapping[str, str] = {
    "ctrl+h": "backspace",
    "ctrl+i": "tab",
    "ctrl+j": "enter",
    "ctrl+m": "enter",
    "ctrl+left_square_bracket": "escape",
}
FLOW = ("ctrl+s", "ctrl+q")
OFTEN_TAKEN: Mapping[str, str] = {"f1": "the help of the terminal", "f10": "its menu", "f11": "its full screen"}


def bound(keymap: Mapping[str, str]) -> dict[str, list[str]]:
    """Keys of each binding by its id, as the keymap of the configuration has them."""
    found: dict[str, list[str]] = {}
    for key in all_keys(keymap):
        found.setdefault(key.id, [*key.each])
    return found


def checks(keymap: Mapping[str, str], prefix: str, multiplexer: str) -> tuple[Check, ...]:
    """A check for each binding that loses a key; `prefix` is the multiplexer's key as the console names keys."""
    found: list[Check] = []
    bindings = bound(keymap)
    for name, keys in bindings.items():
        lost = {key: why for key in keys if (why := _keeper(key, prefix, multiplexer))}
        if lost:
            found.append(_lost(name, keys, lost, prefix))
    if found:
        return tuple(found)
    return (Check("terminal", "keys", Status.OK, "All key bindings reach the console.", f"{len(bindings)} bindings"),)


def key_of(text: str) -> str:
    """A key as tmux writes it (C-b) as the console does (ctrl+b); a plain key stays."""
    return f"ctrl+{text[2:].lower()}" if text.startswith("C-") else text.lower()


def _keeper(key: str, prefix: str, multiplexer: str) -> str:
    """What intercepts a key; empty: nothing."""
    if prefix and key == prefix:
        return f"{key} is the prefix of {multiplexer}"
    if key in SAME_BYTE:
        return f"{key} arrives as {SAME_BYTE[key]}"
    if key in FLOW and multiplexer == "screen":
        return f"{key} may stop or resume the output in screen"
    return f"{key} is often {OFTEN_TAKEN[key]}" if key in OFTEN_TAKEN else ""


def _lost(name: str, keys: Sequence[str], lost: Mapping[str, str], prefix: str) -> Check:
    left = [key for key in keys if key not in lost]
    why = "; ".join(lost.values())
    if left:
        what = f"{' and '.join(lost)} does not reach the console; {' and '.join(left)} does."
        return Check(
            "terminal",
            f"key {name}",
            Status.LIMITED,
            what,
            why,
            _remap(name, prefix if prefix in lost else "", bool(left)),
        )
    what = f"{' and '.join(lost)} does not reach the console, and no other key is bound."
    return Check(
        "terminal", f"key {name}", Status.CANNOT, what, why, _remap(name, prefix if prefix in lost else "", bool(left))
    )


def _remap(name: str, prefix: str, other: bool) -> str:
    ways = [f"Press {prefix} twice."] if prefix else []
    if not other:
        ways.append(f"keymap: {{{name}: KEY}} in console.yml, with a key that reaches the console.")
    return "\n".join(ways)

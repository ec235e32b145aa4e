"""What is typed, as a terminal sends it and a network cuts it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from textual.events import Key, Paste

from console.tui.driver import KeyParser

if TYPE_CHECKING:
    from textual.message import Message

# The texts of the reads that follow each other within a tenth of a second, and the keys they are.
READS = [
    (["\x1b", "2"], ["escape", "2"]),
    (["\x1b", "?"], ["escape", "question_mark"]),
    (["\x1b", "f"], ["escape", "f"]),
    (["\x1b", "\t"], ["escape", "tab"]),
    (["\x1b", "2j"], ["escape", "2", "j"]),
    (["\x1b", "2", "\x1b", "j"], ["escape", "2", "escape", "j"]),
    (["j", "\x1b", "é"], ["j", "escape", "é"]),
    # An arrow that was cut, and a key by which macOS goes by words.
    (["\x1b", "[A"], ["up"]),
    (["\x1b", "OA"], ["up"]),
    (["\x1b[", "A"], ["up"]),
    (["\x1bf"], ["ctrl+right"]),
    (["\x1b\x7f"], ["ctrl+w"]),
    (["\x1b[A\x1b[B"], ["up", "down"]),
    # A busy machine reads both at once.
    (["\x1b2"], ["escape", "2"]),
    (["\x1bj"], ["escape", "j"]),
    (["\x1bJ"], ["escape", "J"]),
    (["\x1b?"], ["escape", "question_mark"]),
    (["\x1b["], ["escape", "left_square_bracket"]),
    (["j\x1b2j"], ["j", "escape", "2", "j"]),
]


@pytest.mark.parametrize(("texts", "keys"), READS)
def test_a_key_after_an_esc_of_its_own_read_is_that_key(texts: list[str], keys: list[str]) -> None:
    parser = KeyParser()
    messages = [message for text in texts for message in parser.feed(text)]
    messages += after_a_wait(parser)
    assert [message.key for message in messages if isinstance(message, Key)] == keys


def test_an_esc_that_has_waited_is_told_once() -> None:
    parser = KeyParser()
    list(parser.feed("\x1b"))
    assert [message.key for message in after_a_wait(parser) if isinstance(message, Key)] == ["escape"]
    assert [message.key for message in parser.feed("j") if isinstance(message, Key)] == ["j"]


def after_a_wait(parser: KeyParser) -> list[Message]:
    if parser._timeout_time is not None:
        parser._timeout_time = 0.0
    return list(parser.tick())


def test_a_pasted_text_stays_whole() -> None:
    parser = KeyParser()
    messages = [message for text in ("\x1b[200~a\x1b", "[201~", "j") for message in parser.feed(text)]
    assert [message.text for message in messages if isinstance(message, Paste)] == ["a"]
    assert [message.key for message in messages if isinstance(message, Key)] == ["j"]

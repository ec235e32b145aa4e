"""Takes literals of statements, addresses and secrets out of readings that are given to other people. Pure."""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from console.format import decoded
from console.model import Facts, Row, Trouble
from console.past.segment import PastAnswer
from console.redaction import HIDDEN, redacted, without_secrets

STATEMENTS = frozenset({"query", "statement", "text", "sql", "definition", "command", "undo", "detail", "message"})
ADDRESSES = frozenset({"client", "client_addr", "client_hostname", "address", "addr", "host", "hostname", "peer"})
DOCUMENTS = frozenset({"course", "series", "sampled"})  # columns with JSON that the console wrote and reads again
LOCAL = frozenset({"", "local", "localhost", "unix"})
_PRIVATE = re.compile(r"conninfo|command|passw|secret|token|_file$|listen_addresses", re.IGNORECASE)
_QUOTED = re.compile(
    r"\$(\w*)\$.*?(?:\$\1\$|$)"  # $tag$ … $tag$, also cut
    r"|(?<!\w)(?:[eEnNbBxX]|[uU]&)?'(?:[^'\\]|''|\\.)*(?:'|$)"  # '…', E'…', U&'…'
    r"|--[^\n]*|/\*.*?(?:\*/|$)",  # comments
    re.DOTALL,
)
_NUMBER = re.compile(r"(?<![\w$.])\d+(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w])")
_SQL = re.compile(r"\b(?:SELECT|INSERT|UPDATE|DELETE|MERGE|VALUES|CALL|EXECUTE|COPY|WHERE|SET)\b", re.IGNORECASE)
_OPERAND = re.compile(r"([=<>(,]\s*)\d+(?:\.\d+)?(?!\w)")
_LONG = re.compile(r"(?<!\w)(?:\d{9,}|\d{4}(?:[ -]\d{4}){3})(?!\w)")
_V4 = re.compile(r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.])")
_V6 = re.compile(r"(?<![\w:])[0-9a-fA-F]{0,4}(?::[0-9a-fA-F]{0,4}){2,7}(?![\w:])")
_URI = re.compile(r"\b(\w+://)[^\s'\"]+")
_MAIL = re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+")


class Redaction:
    """One mapping of addresses to names, so that the same one has the same name everywhere in a file."""

    def __init__(self, facts: Iterable[Facts] = (), plain: bool = False) -> None:
        """`facts` name the servers: their hosts are addresses too. `plain`: only secrets are taken out."""
        self._plain = plain
        self._names: dict[str, str] = {}
        self._hosts: dict[str, str] = {}
        self._texts: dict[str, str] = {}  # the same ones come again with every reading
        self._statements: dict[str, str] = {}
        for each in facts:
            for name in (each.label, each.host, *re.findall(r"\bhost(?:addr)?=(\S+)", each.address)):
                for host in {name, name.rpartition(":")[0]}:
                    if len(host) > 3 and host.strip("'") not in LOCAL:
                        self._hosts[host.strip("'")] = f"server-{len(set(self._hosts.values())) + 1}"

    def facts(self, facts: Facts) -> Facts:
        """Facts without the address of the server."""
        if self._plain:
            return replace(facts, label=self.text(facts.label), address=self.text(facts.address))
        label = self.text(facts.label)
        return replace(facts, label=label, host=self.text(facts.host), address="")

    def answer(self, answer: PastAnswer) -> PastAnswer:
        """A reading, or why there was none, without what is private in it."""
        if isinstance(answer, Trouble):
            return self._trouble(answer)
        names = answer.columns
        rows = tuple(self._row(names, row) for row in answer.rows)
        notes, hidden = tuple(map(self.text, answer.notes)), tuple(map(self._trouble, answer.hidden))
        return replace(answer, rows=rows, notes=notes, hidden=hidden, sql="", origin=self.text(answer.origin))

    def document(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """An entry of the audit trail, or the parameters of a query, without what is private in it."""
        return {name: self._cell(name, value) for name, value in redacted(document).items()}

    def text(self, text: str) -> str:
        """Any text without literals, addresses and secrets."""
        if text not in self._texts:
            self._texts[text] = self._without(text)
        return self._texts[text]

    def statement(self, text: str) -> str:
        """The text of a statement, without its numbers too."""
        if self._plain:
            return self.text(text)
        if text not in self._statements:
            self._statements[text] = _NUMBER.sub("…", self.text(text))
        return self._statements[text]

    def _without(self, text: str) -> str:
        if self._plain:
            return without_secrets(text)
        made = _URI.sub(rf"\1{HIDDEN}", without_secrets(text))
        for host, name in self._hosts.items():
            made = made.replace(host, name)
        made = _QUOTED.sub("'…'", made)
        if _SQL.search(made):
            made = _OPERAND.sub(r"\1…", made)
        made = _MAIL.sub(HIDDEN, _LONG.sub("…", made))
        return _V6.sub(self._named, _V4.sub(self._named, made))

    def _row(self, names: tuple[str, ...], row: Row) -> Row:
        pairs = zip(names, row, strict=True)
        if (
            not self._plain
            and "name" in names
            and "setting" in names
            and _PRIVATE.search(str(row[names.index("name")]))
        ):
            return tuple(HIDDEN if isinstance(cell, str) and name != "name" else cell for name, cell in pairs)
        return tuple(self._cell(name, cell) for name, cell in pairs)

    def _cell(self, name: str, cell: Any) -> Any:
        if isinstance(cell, str):
            return self._text_of(name, cell)
        if isinstance(cell, bytes):
            return self.statement(str(decoded(cell))).encode()
        if isinstance(cell, list):
            return [self._cell(name, each) for each in cell]
        if isinstance(cell, dict):
            return {self.text(str(key)): self._cell(str(key), value) for key, value in cell.items()}
        return cell

    def _text_of(self, name: str, cell: str) -> str:
        if name in ADDRESSES and not self._plain:
            return cell if cell in LOCAL else self._name(cell)
        if name in DOCUMENTS and (document := _document(cell)) is not None:
            return json.dumps(self._cell("", document))
        return self.statement(cell) if name in STATEMENTS else self.text(cell)

    def _trouble(self, why: Trouble) -> Trouble:
        return Trouble(why.kind, self.text(why.sentence), self.text(why.remedy), why.sqlstate)

    def _named(self, match: re.Match[str]) -> str:
        try:
            ipaddress.ip_address(match[0])
        except ValueError:
            return match[0]
        return self._name(match[0])

    def _name(self, address: str) -> str:
        return self._names.setdefault(address, f"client-{len(self._names) + 1}")


def _document(text: str) -> Any:
    """What JSON holds; None: it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None

"""Maintenance commands that a job may name: parsed, never sent as they stand. Pure."""

from __future__ import annotations

import re

from console.format import one_line
from console.jobs.job import Rejected
from console.later import late
from console.records import dataclass

# A letter of any script or an underscore, then digits and dollars too: by what they are not, which is compiled quickly.
_NAME = r'(?:"(?:[^"]|"")+"|[^\x00-@\[-^`{-\x7f][^\x00-#%-/:-@\[-^`{-\x7f]*)'
_RELATION = rf"(?P<table>{_NAME}(?:\s*\.\s*{_NAME})?)"
_VERB = r"VACUUM\s+ANALYZE|VACUUM\s*\(\s*ANALYZE\s*\)|VACUUM|ANALYZE|REINDEX(?:\s+TABLE)?(?:\s+CONCURRENTLY)?"
# Upper and lower case are the same in the verb only: it takes milliseconds to compile that for every letter there is.
_COMMAND = late(rf"\s*(?P<verb>(?i:{_VERB}))(?:\s+|(?<=\)))\s*{_RELATION}\s*;?\s*")
ACCEPTED = "VACUUM, VACUUM ANALYZE, ANALYZE or REINDEX, and the name of one table"


@dataclass(frozen=True, slots=True)
class TableCommand:
    """A maintenance command of one table."""

    verb: str  # VACUUM, VACUUM ANALYZE, ANALYZE, REINDEX
    table: str  # as SQL names it


def parse(text: str, table: str = "") -> TableCommand:
    """The command in `text`, of `table` if it names none itself. Raises Rejected for anything else."""
    match = _COMMAND.fullmatch(f"{text} {table}" if table else text)
    if match is None:
        raise Rejected(f"The command {one_line(text)[:80]!r} is not one that a job may name: {ACCEPTED}.")
    words = re.findall(r"[A-Z]+", match["verb"].upper())
    verb = "REINDEX" if words[0] == "REINDEX" else " ".join(words)
    return TableCommand(verb, re.sub(r"\s*\.\s*", ".", match["table"]) if '"' not in match["table"] else match["table"])

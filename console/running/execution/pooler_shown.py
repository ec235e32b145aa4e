"""What PgBouncer shows of its configuration, compared with what it showed before and with what its file says. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from console.files import pooler_ini
from console.format import counted, one_line
from console.model import PoolerReload, Record
from console.records import dataclass
from console.redaction import without_secrets

NAMED = 6  # settings that a message names


@dataclass(frozen=True, slots=True)
class Shown:
    """What SHOW CONFIG and SHOW DATABASES return."""

    values: Mapping[str, str]
    defaults: Mapping[str, str]
    changeable: Mapping[str, bool]  # whether RELOAD and SET can change it
    databases: Mapping[str, Record]

    def changed(self, later: Shown) -> dict[str, str]:
        """What changed, as `former → new`, by setting."""
        return {
            name: f"{one_line(value) or 'empty'} → {one_line(later.values.get(name, '')) or 'empty'}"
            for name, value in self.values.items()
            if later.values.get(name) != value
        }


def reset(execution: PoolerReload, text: str | None, before: Shown, after: Shown) -> str:
    """Which settings were reset to their defaults although the file has other values, and by which line."""
    found = {
        name: change
        for name, change in before.changed(after).items()
        if after.values.get(name) == after.defaults.get(name) != before.values[name]
    }
    culprit = ""
    if text is not None and "%include" not in text:
        late = pooler_ini.not_in_effect(text, after.values, after.changeable)
        lost = [line for line in late if line.name in found]
        if not lost:
            return ""  # the file has no other values
        first = min([*lost, *filter(None, [pooler_ini.unreadable(text, after.values)])], key=lambda line: line.number)
        shown = one_line(without_secrets(first.text))[:100]
        culprit = f" The first line that it did not take is line {first.number} of {one_line(execution.file)}: {shown}."
    elif execution.resets:
        return ""
    if not found:
        return ""
    names = ", ".join(f"{name} {change}" for name, change in list(found.items())[:NAMED])
    more = f" and {len(found) - NAMED} more" if len(found) > NAMED else ""
    sentence = f"RELOAD reset {counted(len(found), 'setting')} to the default: {names}{more}."
    return f"{sentence}{culprit}"


def unkept(text: str, after: Shown) -> str:
    """Which lines of the file are not in effect although RELOAD should have seen to it; empty: none."""
    settings = [
        f"{line.name} is {one_line(after.values[line.name]) or 'empty'} (line {line.number}: {one_line(line.value)})"
        for line in pooler_ini.not_in_effect(text, after.values, after.changeable)
    ]
    late = [*settings, *_databases(text, after)]
    if not late:
        return ""
    more = f" and {len(late) - NAMED} more" if len(late) > NAMED else ""
    return f"Not in effect after RELOAD: {', '.join(late[:NAMED])}{more}."


def _databases(text: str, after: Shown) -> list[str]:
    late = []
    for name, wanted in pooler_ini.databases(text).items():
        row = after.databases.get(name)
        if row is None:
            late.append(f"database {one_line(name)} is missing")
            continue
        shown = {key: row.get(key) for key in wanted}
        late += [
            f"{key} of database {one_line(name)} is {one_line(shown[key])} (wanted: {one_line(value)})"
            for key, value in wanted.items()
            if shown[key] is not None and str(shown[key]) != value
        ]
    return late


def changes(before: Shown, after: Shown) -> str:
    """What RELOAD changed, as a sentence."""
    changed = before.changed(after)
    gone = sorted(before.databases.keys() - after.databases.keys())
    new = sorted(after.databases.keys() - before.databases.keys())
    parts = [
        *(f"{name} {change}" for name, change in changed.items()),
        *(f"database {one_line(name)} removed" for name in gone),
        *(f"database {one_line(name)} added" for name in new),
    ]
    return f"Changed by RELOAD: {', '.join(parts)}." if parts else "RELOAD changed no setting and no database."

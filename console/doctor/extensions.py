"""The extensions that panes and actions use: installed, loaded, available, or not even on the server."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from console.doctor.check import Check, Status, literal
from console.doctor.server import Found
from console.doctor.settings import assign
from console.format import one_line
from console.model import Record, Source
from console.tuning.units import elements

PRELOADED = "pg_stat_statements"
# What each is for. All but those of OWN_PACKAGE come with the server's contrib package.
SERVES: Mapping[str, str] = {
    PRELOADED: "the slow-queries pane",
    "pgstattuple": "exact bloat of tables",
    "pg_buffercache": "the contents of shared buffers",
    "pg_prewarm": "loading tables into shared buffers after a restart",
    "btree_gin": "GIN indexes that also hold plain columns",
    "hypopg": "testing indexes before they are built",
}
OWN_PACKAGE = {
    "hypopg": "postgresql-{major}-hypopg (Debian), hypopg_{major} (Red Hat)",
    "pg_repack": "postgresql-{major}-repack (Debian), pg_repack_{major} (Red Hat)",
}
CONTRIB = "postgresql-{major} (Debian), postgresql{major}-contrib (Red Hat)"


async def read(server: Source, others: Collection[str] = ()) -> Mapping[str, Record]:
    """What the server has of each extension in SERVES and of `others`, by name. Raises Trouble."""
    taken = await server.fetch("doctor/extensions", {"names": list(dict.fromkeys((*SERVES, *others)))})
    return {str(row["name"]): row for row in taken.records()}


def checks(offered: Mapping[str, Record], found: Found) -> tuple[Check, ...]:
    """A check for each extension in SERVES."""
    return tuple(_check(offered[name], found) for name in SERVES)


def install(row: Record, found: Found) -> tuple[str, ...]:
    """What an extension takes that does not work yet, a line each: package, preloading, statement."""
    name = str(row["name"])
    preloading = preload(found, name).splitlines() if name == PRELOADED and not _loaded(found) else []
    if row["installed"] is not None:
        return tuple(preloading)
    package = OWN_PACKAGE.get(name, CONTRIB if name in SERVES else f"of {name}").format(major=found.facts.major)
    who = "" if row["trusted"] else " -- as a superuser"
    return (
        *([f"Install the package {package} on the server."] if row["available"] is None else []),
        *preloading,
        f"CREATE EXTENSION {name};{who}",
    )


def _check(row: Record, found: Found) -> Check:
    name, serves = str(row["name"]), SERVES[str(row["name"])]
    if row["installed"] is None:
        return _absent(row, found, name, serves)
    where = f"{name} {one_line(row['installed'])} in schema {one_line(row['schema'])}"
    if name == PRELOADED and not _loaded(found):
        what = f"Installed but not preloaded: {serves} does not work."
        return Check("extension", name, Status.CANNOT, what, where, preload(found, PRELOADED))
    if row["available"] is not None and row["installed"] != row["available"]:
        what = "A newer version is available on the server."
        why = f"{where}; {one_line(row['available'])} is available"
        return Check("extension", name, Status.LIMITED, what, why, f"ALTER EXTENSION {name} UPDATE;")
    return Check("extension", name, Status.OK, f"Installed, for {serves}.", where)


def _absent(row: Record, found: Found, name: str, serves: str) -> Check:
    state = Status.CANNOT if name == PRELOADED else Status.LIMITED
    what = f"Not installed: needed for {serves}."
    why = f"not installed in database {one_line(found.row['database'])}"
    return Check("extension", name, state, what, why, "\n".join(install(row, found)))


def _loaded(found: Found) -> bool:
    # The setting exists only if the library was preloaded; the list of libraries may be hidden from this role.
    return f"{PRELOADED}.max" in found.settings


def preload(found: Found, library: str) -> str:
    """How a library is loaded at the next start of the server, after those that are."""
    known = found.settings.get("shared_preload_libraries")
    if known is None:
        return f"Add {library} to shared_preload_libraries (whose value is hidden from this role), then restart."
    if remedy := found.waiting.get("shared_preload_libraries"):
        return remedy
    wanted = [*dict.fromkeys((*elements(known), library))]
    return assign("shared_preload_libraries", ", ".join(map(literal, wanted)), True, bool(found.service))

"""Every metric of the page, in its order, with what is to be reached."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from scripts.benchmarks.figures import Book
from scripts.benchmarks.growth import BRIEF_LARGE, BRIEF_SMALL, GROWING, LARGE, PILE, QUICK_LARGE, QUICK_SMALL, SMALL
from scripts.benchmarks.peers import FROM_PYPI


@dataclass(frozen=True, slots=True)
class Goal:
    """At most so many times a figure of a tool."""

    times: float
    tool: str
    metric: str = ""  # of that tool; empty: the same as the console's

    def __str__(self) -> str:
        return f"≤ {self.times:g} × {self.tool}"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table: a metric, the unit of its figures and what is to be reached."""

    metric: str
    title: str
    unit: str
    goal: float | None = None  # at most
    relative: Goal | None = None  # instead, where that was measured
    limit: str = ""  # a sentence: what keeps the console from reaching it; empty: not known


@dataclass(frozen=True, slots=True)
class Verdict:
    """A row with the console's figure, what it is compared with, and whether the goal is reached."""

    row: Row
    figure: float
    ratio: float | None  # to what the goal is a multiple of, else to the goal
    goal: str = ""
    reached: bool | None = None


def verdict(row: Row, book: Book) -> Verdict | None:
    """How the console did; None when that was not measured."""
    figure = book.value(row.metric, CONSOLE)
    if figure is None:
        return None
    if row.relative is not None:
        other = book.value(row.relative.metric or row.metric, PYTHON.get(row.relative.tool, row.relative.tool))
        if other:
            return Verdict(row, figure, figure / other, str(row.relative), figure / other <= row.relative.times)
    if row.goal is None:
        return Verdict(row, figure, None)
    ratio = figure / row.goal if row.goal else None
    return Verdict(row, figure, ratio, f"≤ {row.goal:,g} {row.unit}".strip(), figure <= row.goal)


CONSOLE = "console"
PYTHON = {"Python": CONSOLE, "Python + psycopg": CONSOLE, "the connections pane": CONSOLE}  # entered under its name
_BARE = Goal(2.0, "Python", "floor.python")
_DRIVER = Goal(1.05, "Python + psycopg", "floor.driver")

# Found with a profiler that samples processor time, and in the bytes themselves.
RULES = (
    "`check` loads the code of all rules: 200 modules of the console's own are three fifths of its processor time, "
    "those of psycopg an eighth."
)
REFRESH = (
    "Of the client's CPU a refresh two fifths are the rules, which are evaluated behind every pane, a quarter is "
    "reading and painting the rows, a fifth the metrics of the header, an eighth keeping what was read: with five "
    "sessions it is nearly the same as with hundreds. An answer, a clock or a thread wakes the process some twenty "
    "times a refresh, and what runs after such a rest takes up to twice as long as what runs on."
)
AGES = (
    "Of sessions two ages differ in each of 40 rows from one refresh to the next; of each only the digits that differ "
    "are sent."
)
MOVES = (
    "Of slow queries each statement that ran has four other numbers, and changes places with others; of each cell only "
    "what differs is sent."
)
QUEUES = "Of a cursor key much is Textual's: its queues of messages, and its way from a value to what is painted."
COPIES = (
    "Of a read of the slow queries three quarters of the server's time are its function, which copies the counters of "
    "all statements; their sum, at every tenth read, takes it once more."
)
ACTIVITY = (
    "Of sessions and overview the server's function alone, whose rows are only counted, takes half of what a plain "
    "read of pg_stat_activity does; the rest are rows, locks, metrics and, in the first minutes, the first reads of "
    "the rules: at most one percent of one core."
)
LOCKS = (
    "Of the server's time with waiting sessions a third is what the rules read of them every few seconds; of the "
    "pane's own two fifths are copying pg_locks and the sessions."
)
LAYOUT = (
    "Of a pane change two fifths are painting, as all cells are others, a quarter is what is sent, a sixth Textual's "
    "layout."
)
MEMORY = (
    "Of the memory half is resident before anything is read: 46 MB with Python, psycopg and Textual loaded, 52 with "
    "the code of the first screen, 15 of them libraries. The rows of all panes and the readings kept were 11 MB."
)

COMMANDS = (
    Row("floor.python", "Python that does nothing", "ms"),
    Row("command.version", "`--version`", "ms", relative=_BARE),
    Row("command.help", "`--help`", "ms", relative=_BARE),
    Row("command.list", "`list panes`", "ms", relative=_BARE),
    Row("floor.driver", "Python + psycopg that reads pg_stat_activity", "ms"),
    Row("command.show", "`show connections --format json`", "ms", relative=_DRIVER),
    Row("command.check", "`check`", "ms", relative=_DRIVER, limit=RULES),
)
SCREENS = (
    Row("start", "exec to first live rows, connections", "ms", relative=Goal(0.6, FROM_PYPI)),
    Row("start.overview", "exec to first live rows, overview", "ms", relative=Goal(0.6, FROM_PYPI, "start")),
    Row("sessions.cpu", "client CPU a refresh, sessions", "ms", 6, Goal(0.2, FROM_PYPI), limit=REFRESH),
    Row(
        "slow.cpu", "client CPU a refresh, slow queries", "ms", 3.5, Goal(0.2, FROM_PYPI, "sessions.cpu"), limit=REFRESH
    ),
    Row(
        "overview.cpu",
        "client CPU a refresh, overview",
        "ms",
        None,
        Goal(1.5, "the connections pane", "sessions.cpu"),
        limit=REFRESH,
    ),
    Row("sessions.minute", "server exec + plan, sessions at 2 s", "ms/min", 32, Goal(0.5, "pg_top"), limit=ACTIVITY),
    Row("sessions.minute.often", "the same without rules that read seldom", "ms/min"),
    Row(
        "overview.minute",
        "server exec + plan, overview at 2 s",
        "ms/min",
        None,
        Goal(1.0, "pg_top", "sessions.minute"),
        limit=ACTIVITY,
    ),
    Row("overview.minute.often", "the same without rules that read seldom", "ms/min"),
    Row("slow.server", "server a refresh, slow queries", "ms", 5.5, limit=COPIES),
    Row("slow.texts", "reads of statement texts once all on the screen are known", "", 0),
    Row("sessions.bytes", "bytes a refresh, sessions", "B", 4000, Goal(1.0, "pg_top"), limit=AGES),
    Row("slow.bytes", "bytes a refresh, slow queries", "B", 700, limit=MOVES),
    Row("overview.bytes", "bytes a refresh, overview", "B"),
    Row("light.bytes", "bytes a refresh, sessions, light", "B", 1000, Goal(0.35, FROM_PYPI)),
    Row("light.cpu", "client CPU a refresh, sessions, light", "ms", None, Goal(1.0, FROM_PYPI), limit=REFRESH),
    Row("light.minute", "server exec + plan, sessions at 2 s, light", "ms/min"),
    Row("key", "cursor key to redraw, median", "ms", 3.5, Goal(1.0, "pgmon"), limit=QUEUES),
    Row("key.p95", "cursor key to redraw, p95", "ms", 7, Goal(1.0, "pgmon"), limit=QUEUES),
    Row("key.busy", "the same at a refresh every 0.5 s, median", "ms", 3.5),
    Row("key.busy.p95", "the same at a refresh every 0.5 s, p95", "ms", 7),
    Row("pane", "pane change to its rows, median", "ms", 8, Goal(1.5, "pgmon"), limit=LAYOUT),
    Row("pane.p95", "pane change to its rows, p95", "ms", 20, Goal(1.5, "pgmon"), limit=LAYOUT),
    Row("memory", "resident memory after every pane was visited", "MB", 60, limit=MEMORY),
    Row("cost.connections.first", "server, connections, first read", "ms"),
    Row("cost.connections.later", "server, connections, one more", "ms"),
    Row("cost.locks.first", "server, locks, first read", "ms"),
    Row("cost.locks.later", "server, locks, one more", "ms"),
    Row("cost.slow-queries.first", "server, slow queries, first read with texts", "ms"),
    Row("cost.slow-queries.later", "server, slow queries, one more", "ms", 5.5),
    Row("cost.bloat.first", "server, bloat, first read", "ms", 15),
    Row("cost.bloat.later", "server, bloat, one more", "ms", 4),
    Row("cost.indexes.first", "server, indexes, first read", "ms", 11),
    Row("cost.indexes.later", "server, indexes, one more", "ms", 4),
    Row("cost.partitions.first", "server, partitions (2,000 of one parent), first read", "ms", 10),
    Row("cost.partitions.later", "server, partitions, one more", "ms", 4),
    Row("cost.views.first", "server, views, first read", "ms"),
    Row("cost.views.later", "server, views, one more", "ms"),
    Row("pooler.server", "PgBouncer CPU a refresh, pooler (200 pools, 300 clients)", "ms", 0.7),
    Row("pooler.client", "client CPU a refresh, pooler", "ms", 6),
)


def waiter_rows(book: Book) -> Iterator[Row]:
    """A row for each number of waiters that was measured, and each figure."""
    for count in sorted({int(metric.split(".")[1]) for metric in _metrics(book, "waiters.") if _is_number(metric)}):
        goal = 30.0 if count >= PILE.waiters else 10.0
        for pane, infix in (("who blocks whom", ""), ("sessions", "connections.")):
            metric = f"waiters.{infix}{count}"
            title = f"{count:,} waiters, {pane}"
            yield Row(f"{metric}.cpu", f"{title}: client CPU a refresh", "ms", goal, limit=REFRESH)
            yield Row(f"{metric}.server", f"{title}: server a refresh", "ms", goal, limit=LOCKS)
            yield Row(f"{metric}.seldom", f"{title}: server, rules that read seldom", "ms")
            yield Row(f"{metric}.key", f"{title}: cursor key, median", "ms", 3.5, Goal(1.0, "pgmon"))
            yield Row(f"{metric}.key.p95", f"{title}: cursor key, p95", "ms", 50)


@dataclass(frozen=True, slots=True)
class Growth:
    """A figure of a pane at two sizes."""

    pane: str
    what: str
    sizes: tuple[int, int]
    kind: str  # cpu or server
    figures: tuple[float, float]


def growth(book: Book) -> Iterator[Growth]:
    """Every pane whose figures were taken at both sizes, of the full run or a shorter one."""
    for small, large in ((SMALL, LARGE), (BRIEF_SMALL, BRIEF_LARGE), (QUICK_SMALL, QUICK_LARGE)):
        for pane, what in GROWING.items():
            sizes = (getattr(small, what), getattr(large, what))
            for kind in ("cpu", "server", "key", "key.p95"):
                found = [book.value(f"growth.{pane}.{size}.{kind}", CONSOLE) for size in sizes]
                if all(found):
                    yield Growth(pane, what, sizes, kind, (found[0] or 0.0, found[1] or 0.0))


def _metrics(book: Book, prefix: str) -> Sequence[str]:
    return [metric for metric, _ in book.figures if metric.startswith(prefix)]


def _is_number(metric: str) -> bool:
    return metric.split(".")[1].isdigit()

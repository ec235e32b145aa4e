"""How far a run is: its current step, its pace, what undoes it, how long others can have waited."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from console.model import Batches, Claim, LocalFile, Outcome, Plan, Program, Standalone, Step, Transaction
from console.redaction import HIDDEN, hides, redacted, without_secrets
from console.running.execution import executor
from console.running.execution.batches import pace
from console.running.progress import Run, StepProgress
from console.running.summary import summary
from console.running.trail import entries, history
from console.running.trail.audit import process


@pytest.mark.parametrize(
    ("rows", "seconds", "total", "said"),
    [
        (0, 0.0, 0, "0 rows, 0 rows/s"),
        (50, 2.0, 0, "50 rows, 25 rows/s"),
        (50, 2.0, 100, "50 of 100 rows, 25 rows/s, 2 s left"),
        (100, 2.0, 100, "100 of 100 rows, 50 rows/s"),
        (150, 2.0, 100, "150 of 100 rows, 75 rows/s"),
        (0, 2.0, 100, "0 of 100 rows, 0 rows/s"),
    ],
)
def test_batches_say_how_fast_they_are_and_how_long_they_will_take(
    rows: int, seconds: float, total: int, said: str
) -> None:
    assert pace(StepProgress(Step("x"), rows=rows, seconds=seconds), total) == said


def run_of(*statuses: str) -> Run:
    """A run whose steps have these statuses; each has its number as undo, the second has none."""
    run = Run.of(
        Plan(
            Claim("x"),
            tuple(Step(f"do {at}", undo="" if at == 1 else f"undo {at}") for at, _ in enumerate(statuses)),
        )
    )
    for one, status in zip(run.steps, statuses, strict=True):
        one.status = status
    return run


@pytest.mark.parametrize(
    ("statuses", "at", "undo"),
    [
        (("pending", "pending"), 0, ()),
        (("done", "running", "pending"), 1, ("undo 0",)),
        (("done", "done", "waiting"), 2, ("undo 0",)),
        (("done", "done", "done", "failed"), 3, ("undo 2", "undo 0")),
        (("done", "done", "done"), 2, ("undo 2", "undo 0")),
        (("undone", "undone", "failed"), 2, ()),
    ],
)
def test_a_run_is_undone_from_its_last_finished_step_on(
    statuses: tuple[str, ...], at: int, undo: tuple[str, ...]
) -> None:
    run = run_of(*statuses)
    assert (run.at, run.undo) == (at, undo)


@dataclass
class Released:
    """A session whose transaction ended then."""

    released: float


def test_the_longest_wait_of_each_is_kept_and_told_first() -> None:
    run = run_of("done")
    assert run.waits == []
    run.held_up = {"readers": 0.1, "writers": 0.25}
    (told,) = run.waits
    assert told.index("250 ms for writers") < told.index("100 ms for readers")
    step = StepProgress(Step("x", holds_up="writers"))
    with run.holding(Released(time.monotonic())) as holds:
        holds(step)
    assert run.held_up["writers"] == 0.25, "a shorter one changes nothing"
    with run.holding(Released(time.monotonic())) as holds:
        holds(StepProgress(Step("x")))
    assert set(run.held_up) == {"readers", "writers"}
    with run.holding(Released(time.monotonic() + 60)) as holds:
        holds(step)
    assert run.held_up["writers"] > 50, "to its end as the session knows it, not as the console does"


@pytest.mark.parametrize(
    ("execution", "together", "transactional", "partial"),
    [
        (Transaction("a"), "a", True, False),
        (Transaction(), "", True, False),
        (Batches(), None, True, True),
        (Standalone(), None, False, False),
        (Program(("true",)), None, False, False),
        (LocalFile("/f", "x"), None, False, False),
    ],
)
def test_what_is_known_of_a_kind_of_execution(
    execution: Transaction | Batches | Standalone | Program | LocalFile,
    together: str | None,
    transactional: bool,
    partial: bool,
) -> None:
    how = executor(execution)
    assert (how.group, how.transactional, how.partial) == (together, transactional, partial)


def test_only_a_replaced_file_that_was_kept_can_be_restored() -> None:
    assert executor(LocalFile("/f", "x", kept="/k")).restores == (("/k", "/f"),)
    assert executor(LocalFile("/f", "x")).restores == ()


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("CREATE ROLE a PASSWORD 'hush'", "CREATE ROLE a PASSWORD {}"),
        ("ALTER ROLE a password  'it''s hush'", "ALTER ROLE a password  {}"),
        ("ALTER ROLE a PASSWORD E'hu\\'sh'", "ALTER ROLE a PASSWORD {}"),
        ("ALTER ROLE a PASSWORD U&'hush'", "ALTER ROLE a PASSWORD {}"),
        ("host=h password=hush user=u", "host=h password={} user=u"),
        ("host=h password = 'hu sh' user=u", "host=h password = {} user=u"),
        ("SET x = 'host=h password=''hu sh'' user=u'", "SET x = 'host=h password={} user=u'"),
        ("postgresql://u:hush@h/d", "postgresql://u:{}@h/d"),
        ("postgresql://h/d?user=u&password=hush&x=1", "postgresql://h/d?user=u&password={}&x=1"),
        ("PASSWORD 'SCRAM-SHA-256$4096:c2FsdA==$c3Rv:c2Vy'", "PASSWORD {}"),
        ("verifier SCRAM-SHA-256$4096:c2FsdA==$c3Rv:c2Vy", "verifier SCRAM-SHA-256${}"),
        ("SELECT 1 -- no secret", "SELECT 1 -- no secret"),
        ("postgresql://u@h:5432/d", "postgresql://u@h:5432/d"),
    ],
)
def test_no_spelling_of_a_password_is_kept(text: str, kept: str) -> None:
    assert without_secrets(text) == kept.format(HIDDEN)
    assert "hush" not in str(redacted({"sql": [text], "more": {"deep": (text,)}}))
    assert hides(without_secrets(text)) is ("{}" in kept)


def test_values_are_hidden_by_their_name() -> None:
    entry = redacted({"passwords": "hush", "api_TOKEN": "hush", "password": "", "passwd": 5, "name": "kept"})
    assert entry == {"passwords": HIDDEN, "api_TOKEN": HIDDEN, "password": "", "passwd": 5, "name": "kept"}
    assert hides("pipeline_owner=(not kept)"), "as trails of former versions say it"


START = {"run": "r", "event": "start", "at": "2026-01-01T00:00:00+00:00", "action": "a", "process": "elsewhere 1 1"}


def past(*events: Mapping[str, object], **start: object) -> history.Past:
    """A run by its trail."""
    (found,) = history.runs([{**START, **start}, *({"run": "r", **event} for event in events)])
    return found


def test_a_run_that_was_killed_may_have_done_what_was_under_way() -> None:
    planned: dict[str, object] = {"sql": ["a", "b", "c", "d"], "undo": ["-a", "-b", "-c", ""], "expect": [""] * 4}
    start: dict[str, object] = {**planned, "transactions": [0, 0, None, 1]}
    step_a, step_b = ({"event": "step", "sql": name, "undo": f"-{name}"} for name in "ab")
    commit = {"event": "commit", "xid": "7"}
    assert past(**start).under_way == history.UnderWay()
    found = past(commit, **start).under_way
    assert ([one.sql for one in found.steps], found.xid, found.certain) == (["a", "b"], "7", False)
    found = past(commit, step_a, **start).under_way
    assert ([one.sql for one in found.steps], found.certain) == (["b"], True)
    found = past(commit, step_a, step_b, **start).under_way
    assert ([one.sql for one in found.steps], found.xid, found.certain) == (["c"], "", False)
    done = past(commit, step_a, step_b, {"event": "end", "outcome": "stopped", "undo": ["-b", "-a"]}, **start)
    assert (done.under_way.steps, done.undo, done.status) == ((), ("-b", "-a"), "stopped")
    assert past(commit, step_a, step_b, **start).undo == ("-b", "-a")


def test_nothing_is_under_way_to_be_undone_while_its_process_runs() -> None:
    start: dict[str, object] = {
        "sql": ["a"],
        "undo": ["-a"],
        "expect": [""],
        "transactions": [None],
        "process": process(),
    }
    running = past(**start)
    assert (running.status, running.under_way.steps, running.undoable) == (history.RUNNING, (), False)
    together: dict[str, object] = {"sql": ["a", "b"], "undo": ["-a", "-b"], "expect": ["", ""], "transactions": [0, 0]}
    step = {"event": "step", "sql": "a", "undo": "-a"}
    assert past(step, **together, process=process()).under_way.steps == ()
    assert past(step, **together).under_way.certain
    killed = past(**{**start, "process": "elsewhere 1 1"})
    assert (killed.status, killed.undoable) == (history.UNFINISHED, True)
    hidden = past(**{**start, "undo": [f"ALTER ROLE a PASSWORD {HIDDEN}"], "process": ""})
    assert not hidden.undoable


def test_a_plan_is_recorded_with_the_transactions_of_its_steps() -> None:
    steps = (
        Step("a", undo="-a", execution=Transaction("1")),
        Step("b", execution=Transaction("1"), expect="SELECT true"),
        Step("c", execution=Standalone()),
        Step("d", execution=LocalFile("/f", "x", kept="/k")),
        Step("e", execution=Transaction("2"), on="public.t"),
    )
    told = entries.planned(Run.of(Plan(Claim("x", ("p",), cluster_wide=True, name="n"), steps)))
    assert told["transactions"] == [0, 0, None, None, 3]
    assert told["undo"] == ["-a", "", "", "", ""]
    assert told["expect"] == ["", "SELECT true", "", "", ""]
    assert told["undo_files"] == [(), (), (), (("/k", "/f"),), ()]
    assert told["on"] == ["", "", "", "", "public.t"]
    assert (told["parts"], told["everywhere"], told["name"]) == (["p"], True, "n")
    run = Run.of(Plan(Claim("x"), steps))
    run.steps[0].status, run.outcome, run.message = "done", Outcome.STOPPED, "password=hush"
    row = entries.row(run)
    assert (row["statements"], row["undo"], row["outcome"]) == (["a"], ["-a"], "stopped")
    assert "hush" not in str(row)
    assert isinstance(row["started_at"], datetime)
    assert row["started_at"].tzinfo is UTC


@pytest.mark.parametrize(("rows", "said"), [(0, False), (1, True), (5000, True)])
def test_a_summary_says_how_many_rows_go_in_batches_where_that_is_known(rows: int, said: bool) -> None:
    step = Step("x", "ROW EXCLUSIVE on public.t", "public.t", Batches(rows))
    assert ("in batches" in summary(Plan(Claim("x"), (step,)))) is said

"""`run`: plans an action, shows the plan, asks, runs it; the exit code reports the outcome."""

from __future__ import annotations

import asyncio
import signal
import sys
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from console.actions import MODULES, action
from console.actions.planning import Action, complete
from console.cli.interrupting import ENDS, run_interruptible
from console.cli.plan_text import Ticker, ending, plan_text, run_document
from console.format import one_line, safe, safe_lines
from console.model import Claim, Kind, Outcome, Plan, Trouble, read_only
from console.records import dataclass
from console.running.progress import Run, stop
from console.running.stopping import SLOW
from console.settings.config import Settings, Wanted
from console.workspace import Workspace

DONE, FAILED, USAGE, REFUSED, STOPPED = range(5)
CODES = {
    Outcome.DONE: DONE,
    Outcome.NOTHING: DONE,
    Outcome.FAILED: FAILED,
    Outcome.REFUSED: REFUSED,
    Outcome.STOPPED: STOPPED,
}
SAMPLE = 1.0  # seconds for which the use of the tables of a plan is counted
STOPPING = "Stopping: what was begun is cleaned up first. Another Ctrl-C leaves that to the next run of the command."
GUARDS = (Kind.REFUSED, Kind.UNSUPPORTED)  # troubles of a plan that mean no rather than not now

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class RunCommand:
    """What the command line asks for: which action, and how."""

    action: Action
    parameters: dict[str, str]
    dry_run: bool
    confirmed: bool  # --yes
    json: bool


def run_command(options: Namespace) -> RunCommand:
    """What `options` ask for. Raises Trouble(USAGE) if the action or a parameter is unknown."""
    try:
        chosen = action(options.action)
    except KeyError:
        known = ", ".join(MODULES)
        raise Trouble(
            Kind.USAGE, f"There is no action {safe(options.action, 80)}.", f"Actions: {known}." if known else ""
        ) from None
    parameters = _parameters(options.set)
    complete(chosen, parameters)
    return RunCommand(chosen, parameters, options.dry_run, options.yes, options.format == "json")


def run(options: Namespace, settings: Settings, wanted: Wanted, say: Say) -> int:
    """Plan and run what `options` ask for; the exit code. Raises Trouble(USAGE) before anything is read."""
    return run_interruptible(_run(run_command(options), settings, wanted, say))


async def _run(asked: RunCommand, settings: Settings, wanted: Wanted, say: Say) -> int:
    async with Workspace(settings, wanted) as workspace:
        try:
            planned = await workspace.plan(asked.action, asked.parameters)
        except Trouble as why:
            if why.kind is Kind.USAGE:
                raise
            return _unplanned(asked, why, say)
        return await _go(asked, await _with_rates(planned, workspace), workspace)


async def _with_rates(planned: Plan, workspace: Workspace) -> Plan:
    """The plan with how much its tables are used, where sessions could queue behind it."""
    queues = any(step.forecast is not None and step.forecast.blocks for step in planned.steps)
    if not queues or planned.traffic is None or not planned.traffic.clients:
        return planned
    await asyncio.sleep(SAMPLE)
    try:
        return await workspace.forecast_again(planned)
    except Trouble:  # what runs the plan will say it
        return planned


async def _go(asked: RunCommand, planned: Plan, workspace: Workspace) -> int:
    shown = sys.stderr if asked.json else sys.stdout
    terminal = sys.stdin.isatty() and shown.isatty()
    asks = terminal and not (asked.confirmed or asked.dry_run or workspace.wanted.read_only)
    if not asked.json or (asks and planned.steps):
        shown.write(plan_text(planned))
        shown.flush()
    if not planned.steps:
        return _unrun(asked, planned, Outcome.NOTHING, "There is nothing to do.")
    if asked.dry_run:
        return _unrun(asked, planned, None, "")
    if workspace.wanted.read_only:
        return _unrun(asked, planned, Outcome.REFUSED, str(read_only()))
    if not asked.confirmed and not (asks and await _confirmed(planned)):
        hint = "Confirm it at a terminal or with --yes." if not asks else ""
        return _unrun(asked, planned, Outcome.REFUSED, f"Not confirmed: nothing was changed. {hint}".strip())
    return await _carry_out(asked, planned, workspace)


async def _carry_out(asked: RunCommand, planned: Plan, workspace: Workspace) -> int:
    ticker = Ticker(sys.stderr)
    try:
        with stoppable(workspace, ticker.say):
            done = await workspace.run(planned, ticker)
    except Trouble as why:  # it could not be audited
        ticker.end()
        if why.kind is not Kind.REFUSED:
            raise
        return _unrun(asked, planned, Outcome.REFUSED, str(why))
    ticker.end()
    return _report(asked, done, workspace.wanted.options)


@contextmanager
def stoppable(workspace: Workspace, say: Say, stopped: Callable[[], None] = lambda: None) -> Iterator[None]:
    """A signal that ends the console ends the run first: its statement is cancelled, its outcome is audited.

    Where cleaning up takes a while, that is said; another signal than that of a closing terminal ends that as well.
    """
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    slow: list[asyncio.TimerHandle] = []

    def end(number: int) -> None:
        if slow:
            if number != signal.SIGHUP:
                workspace.hurry()
            return
        slow.append(loop.call_later(SLOW, say, STOPPING))
        stopped()
        if task:
            stop(task)

    for number in ENDS:
        loop.add_signal_handler(number, end, number)
    try:
        yield
    finally:
        for handle in slow:
            handle.cancel()
        for number in ENDS:
            loop.remove_signal_handler(number)


# The question


async def _confirmed(planned: Plan) -> bool:
    """Ask at the terminal without blocking the connections; an interrupt means no."""
    name = one_line(planned.claim.typed)
    question = f"Type {name} to run this: " if planned.destructive else "Run this? [y/N] "
    shown = sys.stdout if sys.stdout.isatty() else sys.stderr
    shown.write(question)
    shown.flush()
    answer = (await _line()).strip()
    if not answer:
        shown.write("\n")
    return answer == name if planned.destructive else answer.lower() in {"y", "yes"}


async def _line() -> str:
    loop = asyncio.get_running_loop()
    ready = loop.create_future()
    loop.add_reader(sys.stdin.fileno(), lambda: None if ready.done() else ready.set_result(None))
    try:
        await ready
    except asyncio.CancelledError:
        return ""
    finally:
        loop.remove_reader(sys.stdin.fileno())
    return sys.stdin.readline()


# What is reported


def _unplanned(asked: RunCommand, why: Trouble, say: Say) -> int:
    """Report why there is no plan; as JSON, a document without steps."""
    outcome = Outcome.REFUSED if why.kind in GUARDS else Outcome.FAILED
    if asked.json:
        parameters = complete(asked.action, asked.parameters)
        nothing = Plan(Claim(""), action=asked.action.name, parameters=parameters)
        sys.stdout.write(run_document(Run(nothing, outcome=outcome, message=str(why))))
    say(str(why))
    return CODES[outcome]


def _unrun(asked: RunCommand, planned: Plan, outcome: Outcome | None, message: str) -> int:
    """Report that the plan was not run; no outcome: only the plan was asked for."""
    shown = Run.of(planned)
    shown.outcome, shown.message = outcome, message
    return _report(asked, shown)


def _report(asked: RunCommand, done: Run, options: str = "") -> int:
    if asked.json:
        sys.stdout.write(run_document(done))
    code = DONE if done.outcome is None else CODES[done.outcome]
    ended = ending(done, options)
    text = safe_lines(ended, len(ended))
    if code == DONE and not asked.json:
        sys.stdout.write(text)
    elif code != DONE:
        sys.stderr.write(text)
    return code


def _parameters(pairs: Sequence[str]) -> dict[str, str]:
    parameters: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise Trouble(
                Kind.USAGE, "--set takes key=value.", "`pipeline-console list actions` shows what each action accepts."
            )
        if name in parameters:
            raise Trouble(Kind.USAGE, f"{safe(name, 80)} is set twice.")
        parameters[name] = value
    return parameters

"""One function a command. What only one command needs is loaded when it runs."""

from __future__ import annotations

import gc
import sys
from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from console.cli.completion import run_completion
from console.cli.parsing import say
from console.format import safe
from console.model import Kind, Trouble
from console.panes import NAMES
from console.settings.config import Settings, Wanted, load
from console.settings.targets import repeated, resolve, warnings


def wanted(options: Namespace, settings: Settings, pane: str = "") -> Wanted:
    """The servers that the options of a command name; warns about passwords in them. Raises Trouble."""
    target, database = _named_target(options)
    for warning in warnings(target, (*options.pooler, *options.replica), options.redis):
        say(warning)
    parts = {"host": options.host, "port": options.port, "user": options.username, "dbname": database}
    found = resolve(
        *(settings, target, options.pooler),
        redis=options.redis,
        replicas=options.replica,
        read_only=options.read_only,
        pane=pane,
        parts=parts,
    )
    named = repeated(
        *(target, parts),
        poolers=options.pooler,
        replicas=options.replica,
        redis=options.redis,
        config=options.config,
    )
    return replace(found, options=named)


def _named_target(options: Namespace) -> tuple[str, str]:
    """The TARGET and the database that the options name: as for psql, -d may be a URI or conninfo. Raises Trouble."""
    if "://" not in options.dbname and "=" not in options.dbname:
        return options.target, options.dbname
    if options.target:
        raise Trouble(Kind.USAGE, "The target is given twice.", "Name it once: with -t, or with -d.")
    return options.dbname, ""


def known_pane(name: str) -> str:
    """`name`, if there is such a pane. Raises Trouble(USAGE) with the list of panes otherwise."""
    if name not in NAMES:
        raise Trouble(Kind.USAGE, f"There is no pane {safe(name, 80)}.", f"Panes: {', '.join(NAMES)}.")
    return name


def settings_of(options: Namespace) -> Settings:
    """The configuration that a command uses. Raises Trouble."""
    return load(options.config, NAMES, _thresholds, _rule_names)


def _thresholds() -> Sequence[str]:
    """The names of the rules with limits."""
    from console.rules import THRESHOLDS  # noqa: PLC0415  long to load, and the bundled configuration is known to be right

    return THRESHOLDS


def _rule_names() -> list[str]:
    """The names that a blackout window may have."""
    from console.rules.diagnoses import DIAGNOSES  # noqa: PLC0415  long to load, and few configurations have windows
    from console.watching.changes import UNREACHABLE  # noqa: PLC0415

    return [*(diagnosis.name for diagnosis in DIAGNOSES), UNREACHABLE]


def run_open(options: Namespace) -> int:
    """Open the console on a server."""
    if options.at and options.target:
        raise Trouble(Kind.USAGE, "The target is given twice.", "Name it once: open TARGET, or open -t TARGET.")
    pane = known_pane(options.pane) if options.pane else ""
    settings = settings_of(options)
    if options.at and "://" not in options.at and Path(options.at).is_file():
        return _recording(settings, Path(options.at), pane)
    options.target = options.at or options.target
    return _console(settings, wanted(options, settings, pane))


def _recording(settings: Settings, path: Path, pane: str) -> int:
    """Open the console on an incident file. Raises Trouble(USAGE) if it is none."""
    from console.past.incident import open_incident  # noqa: PLC0415  no other command opens a file

    incident = open_incident(path)
    _need_terminal()
    from console.tui.replaying import run_recording  # noqa: PLC0415

    return run_recording(settings, incident, Wanted("", path.name, read_only=True, pane=pane))


def run_record(options: Namespace) -> int:
    """Write an incident file."""
    settings = settings_of(options)
    from console.cli.record import record  # noqa: PLC0415  loads the driver

    return record(options, settings, wanted(options, settings), say)


def run_report(options: Namespace) -> int:
    """Print an incident file as Markdown."""
    settings = settings_of(options)
    from console.cli.report import report  # noqa: PLC0415  no other command needs it

    return report(Path(options.file), settings)


def run_demo(options: Namespace) -> int:
    """Start the demo, and open the console on it unless --headless is given."""
    from console.demo import run  # noqa: PLC0415  no other command needs it
    from console.demo.uris import DemoUris  # noqa: PLC0415

    settings = settings_of(options)
    if not options.headless:
        _need_terminal()

    def open_console(uris: DemoUris) -> int:
        admin = (uris.pgbouncer_admin,) if uris.pgbouncer_admin else ()
        redis = uris.redis or ""
        given = Wanted(uris.postgres, "demo", admin, redis=redis, pooler_hint=uris.pooler_hint, log=uris.log)
        return _console(settings, replace(given, options=repeated(uris.postgres, poolers=admin, redis=redis)))

    keep = Path(options.keep) if options.keep else None
    _collect_again()
    return run(options.scale, keep, options.headless, None if options.headless else open_console)


def run_show(options: Namespace) -> int:
    """Print a pane."""
    known_pane(options.pane)
    settings = settings_of(options)
    chosen = wanted(options, settings, options.pane)
    if options.at:
        from console.cli.show_past import show_past  # noqa: PLC0415  what was read is seldom asked for

        return show_past(options, settings, chosen, say)
    from console.cli.show import show  # noqa: PLC0415  loads the driver, which mistakes in a command do not need

    if options.watch is not None:
        _collect_again()
    return show(options, settings, chosen, say)


def run_list(options: Namespace) -> int:
    """Print a list."""
    from console.cli.kept import keep, list_name  # noqa: PLC0415
    from console.cli.listing import LIVE, listing  # noqa: PLC0415

    text = listing(options.what, options.format)
    sys.stdout.write(text)
    if options.what not in LIVE:
        keep(list_name(options.what, options.format), text)
    return 0


def run_action(options: Namespace) -> int:
    """Plan an action and run it."""
    settings = settings_of(options)
    from console.cli.run import run  # noqa: PLC0415  loads the driver

    _collect_again()
    return run(options, settings, wanted(options, settings), say)


def run_setup(options: Namespace) -> int:
    """Open the set-up guide, or run its pages without asking."""
    settings = settings_of(options)
    chosen = wanted(options, settings)
    if not (options.yes or options.dry_run or options.format == "json") and sys.stdin.isatty() and sys.stdout.isatty():
        return _console(settings, replace(chosen, guide=True))
    from console.cli.setup import setup  # noqa: PLC0415  loads the driver

    _collect_again()
    return setup(options, settings, chosen, say)


def run_check(options: Namespace) -> int:
    """Evaluate the rules once."""
    settings = settings_of(options)
    if options.all:
        chosen = [resolve(settings, name, (), read_only=True) for name in settings.targets]
    else:
        chosen = [wanted(options, settings)]
    from console.cli.check import check  # noqa: PLC0415  loads the driver

    return check(options, settings, chosen)


def run_watch(options: Namespace) -> int:
    """Evaluate the rules until it is stopped, and deliver what they find."""
    settings = settings_of(options)
    from console.cli.watch import watch  # noqa: PLC0415  loads the driver

    _collect_again()
    return watch(options, settings, _watched(options, settings), say)


def _watched(options: Namespace, settings: Settings) -> list[Wanted]:
    """The targets of `watch`. Raises Trouble."""
    if options.all:
        return [resolve(settings, name, (), read_only=True) for name in settings.targets]
    of_one = options.pooler or options.replica
    if options.targets and (options.target or (len(options.targets) > 1 and of_one)):
        remedy = "Give targets as arguments or one with -t; --pooler and --replica belong to one target."
        raise Trouble(Kind.USAGE, "It is not clear which servers are meant.", remedy)
    found = []
    for target in options.targets or (options.target,):
        options.target = target
        found.append(replace(wanted(options, settings), read_only=True))
    return found


def run_worker(options: Namespace) -> int:
    """Run due jobs of background_jobs."""
    settings = settings_of(options)
    chosen = wanted(options, settings)
    from console.cli.worker import worker  # noqa: PLC0415  loads the driver

    _collect_again()
    return worker(options.format, options.once, settings, chosen, say)


def run_explain(options: Namespace) -> int:
    """Print the plan of a statement."""
    settings = settings_of(options)
    chosen = wanted(options, settings)
    from console.cli.plans import plans  # noqa: PLC0415  loads the driver

    return plans(options, settings, chosen)


def run_forecast(options: Namespace) -> int:
    """Print who would wait for a statement."""
    settings = settings_of(options)
    chosen = wanted(options, settings)
    from console.cli.forecast import forecast  # noqa: PLC0415  loads the driver

    return forecast(options, settings, chosen, say)


def run_explain_rule(options: Namespace) -> int:
    """Print what a rule reads and judges by."""
    from console.cli.explain import explain  # noqa: PLC0415  no other command needs it

    sys.stdout.write(explain(options.rule, options.format, settings_of(options)))
    return 0


def run_doctor(options: Namespace) -> int:
    """Report what can and cannot be shown and done here."""
    settings = settings_of(options)
    chosen = wanted(options, settings)
    from console.cli.doctor import doctor  # noqa: PLC0415  loads the driver

    return doctor(options, settings, chosen)


COMMANDS: Mapping[str, Callable[[Namespace], int]] = {
    "open": run_open,
    "demo": run_demo,
    "setup": run_setup,
    "show": run_show,
    "list": run_list,
    "run": run_action,
    "check": run_check,
    "watch": run_watch,
    "worker": run_worker,
    "explain": run_explain,
    "explain-rule": run_explain_rule,
    "forecast": run_forecast,
    "record": run_record,
    "report": run_report,
    "doctor": run_doctor,
    "completion": run_completion,
}


def _console(settings: Settings, chosen: Wanted) -> int:
    _need_terminal()
    gc.disable()  # turned on again after the first frame
    from console.tui.start import run_console  # noqa: PLC0415  Textual is loaded by what is shown in it alone

    return run_console(settings, chosen)


def _collect_again() -> None:
    """From here on a command may run for hours: look for garbage, but never in what is loaded by now."""
    gc.freeze()
    gc.enable()


def _need_terminal() -> None:
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise Trouble(
            Kind.USAGE,
            "The console needs a terminal for its input and output.",
            "Without one, use: pipeline-console show PANE --format table|json|csv.",
        )

"""Rows of load tests: the one that runs, and the results in the audit trail, each compared with the one before."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence

from console.model import LoadTest, Row
from console.running.load.earlier_runs import load_of
from console.running.load.measured import change, errors_of
from console.running.progress import Run
from console.running.trail.history import Past

LOADS = (
    *("run", "at", "status", "clients", "seconds", "pace", "mix", "via", "driver", "rate", "p50", "p95", "p99", "max"),
    *("errors", "rate_change", "p95_change", "first_limit", "created", "wal", "tag", "server", "database", "series"),
)
MOST = 200  # results


def loads(past: Sequence[Past], runs: Sequence[Run]) -> list[Row]:
    """Those that run now, then the results of the past, newest first."""
    known: dict[tuple[object, ...], Mapping[str, object]] = {}
    found: list[Row] = []
    for each in past:
        if each.load is not None:
            alike = (each.server, each.database, tuple(sorted(load_of(each.parameters).items(), key=str)))
            found.append(_result(each, each.load, known.get(alike, {})))
            known[alike] = each.load
    return [*_running(runs), *reversed(found[-MOST:])]


def _running(runs: Sequence[Run]) -> Iterable[Row]:
    for run in runs:
        for progress in run.steps:
            if isinstance(progress.step.execution, LoadTest) and progress.status == "running":
                series = [[each.at, each.rate, each.latency, each.failed] for each in progress.series]
                rate = progress.series[-1].rate if progress.series else None
                failed = sum(each.failed for each in progress.series)
                yield _row(
                    (run.id, run.started_at, "running"),
                    run.plan.parameters,
                    {
                        "rate": rate,
                        "errors": {},
                        "unnamed": failed,
                        "tag": progress.step.execution.tag,
                        "series": series,
                    },
                    {},
                    (None, None),
                )


def _result(past: Past, result: Mapping[str, object], before: Mapping[str, object]) -> Row:
    return _row((past.id, past.at, past.status), past.parameters, result, before, (past.server, past.database))


def _row(
    run: tuple[object, ...],
    given: Mapping[str, str],
    result: Mapping[str, object],
    before: Mapping[str, object],
    where: tuple[object, ...],
) -> Row:
    asked = [int(given.get(name) or 0) for name in ("clients", "seconds", "rate", "mix")]
    return (
        *run,
        *(asked[0], asked[1], asked[2] or None, asked[3], given.get("via"), load_of(given)["driver"]),
        *(result.get(name) for name in ("rate", "p50", "p95", "p99", "max")),
        errors_of(result),
        *(change(result.get(name), before.get(name)) or None for name in ("rate", "p95")),
        *(result.get(name) for name in ("first_limit", "created", "wal", "tag")),
        *where,
        json.dumps(result.get("series") or []),
    )

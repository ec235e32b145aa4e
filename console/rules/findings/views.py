"""Materialized views with a refresh policy whose data is missing, too old or of unknown age."""

from __future__ import annotations

from collections.abc import Iterable

from console.format import age, one_line
from console.model import (
    RARELY,
    RELATIONS,
    CannotTell,
    Diagnosis,
    Evidence,
    Finding,
    Fix,
    Frame,
    Lacks,
    Level,
    Record,
    Urgency,
    of_view,
)
from console.panes.views import MATERIALIZED
from console.rules.findings.wording import number

LATE = 2.0  # times the period of its policy that the data of a view may be old


def stale(frame: Frame) -> Iterable[Finding]:
    """A finding for each view whose policy is not kept.

    Raises CannotTell if there is none but refreshes of a view with a policy are not recorded in this database.
    """
    kept = [
        (row, frame.refreshes[str(row["view"])]) for row in frame.rows("matviews") if row["view"] in frame.refreshes
    ]
    found = [_finding(row, wrong) for row, every in kept if (wrong := _wrong(row, every))]
    if not found and any(row["logged_view"] is None for row, _ in kept):
        raise CannotTell(
            "Refreshes are not recorded in public.console_refreshes, or this role cannot read it.",
            "GRANT SELECT ON public.console_refreshes TO the role; adopt-schema creates it where it is missing.",
            Lacks(("SELECT ON public.console_refreshes",)),
        )
    return found


def _finding(row: Record, wrong: str) -> Finding:
    view = str(row["view"])
    place = ("views", "materialized", {"oid": row["oid"]})
    return Finding(
        rule="view-stale",
        subject=f"view {view}",
        level=Level.WARNING if row["data_age"] is not None or not row["populated"] else Level.NOTICE,
        sentence=f"materialized view {one_line(view)} {wrong}",
        detail=one_line(row["why"] or ""),
        evidence=(
            Evidence("data age", age(row["data_age"]), *place),
            Evidence("verdict", one_line(row["verdict"]), *place),
        ),
        fixes=(Fix("refresh-views", {"view": view}, _effect(row)),),
    )


def _wrong(row: Record, every: float) -> str:
    """What is wrong with a view that is to be refreshed `every` so many seconds; empty: nothing."""
    if row["busy"]:
        return ""
    if not row["populated"]:
        return "was never filled: queries on it fail"
    if row["refresh_error"]:
        return f"was last refreshed without success: {one_line(row['refresh_error'])}"
    if row["logged_view"] is not None and row["data_age"] is None:
        return "has data of unknown age: no refresh of it is recorded"
    if number(row["data_age"]) > LATE * every:
        return f"has data {age(row['data_age'])} old and is to be refreshed every {age(every)}"
    return ""


def _effect(row: Record) -> str:
    return (
        "refresh it; it stays readable" if row["concurrently"] == "yes" else "refresh it; reads wait until it is done"
    )


VIEW_STALE = Diagnosis(
    "view-stale",
    "A materialized view is not refreshed as its policy says",
    Urgency.CARE,
    (of_view(MATERIALIZED, RARELY, on_change=RELATIONS),),
    stale,
    misses="That a view becomes too old shows within ten minutes.",
)

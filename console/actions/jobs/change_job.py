"""run-job, retry-job, cancel-job: change when a job of background_jobs runs, or whether it does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from console.actions.jobs.job_queue import CRON, NEEDS, confined_steps, queue
from console.actions.planning import Action, Request, boolean, steps_from_rows, whole_number
from console.format import one_line, safe
from console.jobs.occurrences import Period, next_occurrence
from console.model import Claim, Kind, Parameter, Plan, Record, Source, Step, Trouble

LARGEST = 2**63 - 1
FAILED = ("failed", "dead", "rejected")


async def plan_run(request: Request) -> Plan:
    """Makes a pending job due now or at another time."""
    server, job = await _job(request, ("pending",), "retry-job runs one that failed again.")
    at = _moment(request.parameters["at"]) or job["at"]
    steps = await _steps(server, "run_job", {"job": job["id"], "at": at})
    notes = (f"It begins only from {job['window_from']} to {job['window_until']} UTC.",) if job["window_from"] else ()
    due = f"{_name(job)} due {_shown(at)}"
    return Plan(_claim(job), steps, notes=notes, summary=due, result=f"{_name(job)} is due {_shown(at)}")


async def plan_retry(request: Request) -> Plan:
    """Makes a job pending again that ended without success."""
    server, job = await _job(request, (*FAILED, "cancelled"), "run-job runs a pending one at once.")
    steps = await _steps(server, "retry_job", {"job": job["id"]})
    again = f"{_name(job)} pending again"
    return Plan(_claim(job), steps, summary=again, result=f"{_name(job)} is pending again")


async def plan_cancel(request: Request) -> Plan:
    """Cancels a pending or running job, or dismisses one that failed.

    Of a recurring one the next occurrence follows, unless all are cancelled. Raises Trouble(REFUSED) if all are to be
    cancelled through an occurrence that has ended.
    """
    server, job = await _job(request, ("pending", "running", *FAILED), "retry-job makes it pending again.")
    ended, every = job["status"] in FAILED, boolean(request.parameters, "all")
    if ended and every:
        what = f"Job {job['id']} is {one_line(job['status'])}: it has no later occurrences of its own."
        raise Trouble(Kind.REFUSED, what, "Cancel the pending occurrence; show jobs --view recurring names it.")
    following = None if ended or every else _following(job)
    steps = confined_steps(
        server, steps_from_rows(await server.fetch("actions/cancel_job", {"job": job["id"], "next": following}))
    )
    notes = (f"Its next occurrence is due {_shown(following)}.",) if following else ()
    if every and job["schedule_name"] is not None and CRON in server.facts.extensions:
        from console.jobs.cron import cron_name  # noqa: PLC0415  pg_cron is seldom there

        named = {"name": cron_name(str(job["schedule_name"]))}
        found = await server.fetch("actions/unschedule_cron_job", named)
        steps = (*confined_steps(server, steps_from_rows(found)), *steps)
    verb, done = ("dismiss", "dismissed") if ended else ("cancel", "cancelled")
    name = _name(job)
    return Plan(
        _claim(job), steps, notes=notes, summary=f"{verb} {name[:1].lower()}{name[1:]}", result=f"{name} {done}"
    )


async def _job(request: Request, statuses: Sequence[str], otherwise: str) -> tuple[Source, Record]:
    """The queue and the job of the request. Raises Trouble(REFUSED) if it is in another state, or not there."""
    number = whole_number(request.parameters, "job", 1, LARGEST)
    server = await queue(request.server)
    for record in (await server.fetch("actions/job", {"job": number})).records():
        if record["status"] not in statuses:
            raise Trouble(Kind.REFUSED, f"Job {number} is {one_line(record['status'])}.", otherwise)
        return server, record
    raise Trouble(Kind.REFUSED, f"There is no job {number}.", "show jobs lists them.")


async def _steps(server: Source, query: str, parameters: Mapping[str, object]) -> tuple[Step, ...]:
    return confined_steps(server, steps_from_rows(await server.fetch(f"actions/{query}", parameters)))


def _claim(job: Record) -> Claim:
    return Claim(f"job {job['id']}")


def _name(job: Record) -> str:
    return f"job {job['id']} ({one_line(job['job_name'] or job['job_type'])})"


def _shown(at: object) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if isinstance(at, datetime) else str(at)


def _moment(text: str) -> datetime | None:
    """A time, in UTC where it names no other zone; None: none was given. Raises Trouble(USAGE) if it is none."""
    if not text.strip():
        return None
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        raise Trouble(
            Kind.USAGE, f"at must be a time such as 2026-12-01 03:00, in UTC, not {safe(text, 40)}."
        ) from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _following(job: Record) -> datetime | None:
    """The next occurrence of a recurring job, later than this one and still to come; None: it runs once."""
    first, due, now = job["first"], job["scheduled_for"], job["at"]
    if job["months"] is None or not (isinstance(first, datetime) and isinstance(due, datetime)):
        return None
    every = Period(int(str(job["months"])), int(str(job["days"])), float(str(job["seconds"])))
    try:
        return next_occurrence(first, every, max(now, due) if isinstance(now, datetime) else due)
    except (ValueError, OverflowError):
        return None


_JOB = Parameter("job", "number of the job", required=True)

RUN_JOB = Action(
    name="run-job",
    title="Run a job now, or at another time",
    help="Makes a pending job due now or at another time; the later occurrences of a recurring job keep their times.",
    plan=plan_run,
    parameters=(_JOB, Parameter("at", "when, in UTC, such as 2026-12-01 03:00; empty: now")),
    row={"job": "id"},
    needs=NEEDS,
)
RETRY_JOB = Action(
    name="retry-job",
    title="Retry a job",
    help="Makes a job pending again that failed, is dead, was rejected or cancelled, with all its attempts.",
    plan=plan_retry,
    parameters=(_JOB,),
    row={"job": "id"},
    needs=NEEDS,
)
CANCEL_JOB = Action(
    name="cancel-job",
    title="Cancel or dismiss a job",
    help=(
        "Cancels a pending or running job; the next occurrence of a recurring job follows, unless all are cancelled. "
        "Dismisses a job that failed, is dead or was rejected: it is no longer listed as failed."
    ),
    plan=plan_cancel,
    parameters=(_JOB, Parameter("all", "yes or no: also the later occurrences of a recurring job", default="no")),
    row={"job": "id"},
    needs=NEEDS,
)

"""Checks of each named replica: whether it follows, comes back after a stop, and lets queries run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from console.doctor.check import Check, Status
from console.format import one_line, safe
from console.model import Record, Trouble
from console.sources.registry import Sources

BROKEN = frozenset({"promoted", "other cluster", "primary", "disconnected"})
LONG_STOP = "max_slot_wal_keep_size"


async def checks(sources: Sources) -> tuple[Check, ...]:
    """The checks of each replica; none where none is named."""
    if sources.replicas is None:
        return ()
    try:
        states = await sources.replicas.fetch("replica_states")
        found = await sources.postgres.fetch("doctor/settings", {"names": [LONG_STOP]})
    except Trouble as why:
        return (_check("reached", Status.UNKNOWN, "The replicas could not be compared.", why.sentence, why.remedy),)
    settings = {str(row["name"]): str(row["setting"]) for row in found.records()}
    return tuple(
        replace(check, where=one_line(row["replica"])) for row in states.records() for check in judge(row, settings)
    )


def judge(row: Record, primary: Mapping[str, str]) -> tuple[Check, ...]:
    """The checks of one replica; `primary` are settings of its primary."""
    reason = safe(row["reason"] or "")
    if row["state"] in {"gone", "unreadable"}:
        return (_check("reached", Status.CANNOT, "This replica cannot be read.", reason),)
    if row["state"] in BROKEN:
        return (_check("follows", Status.CANNOT, "This server does not follow the primary.", reason),)
    return (_follows(row, reason), _lower(row), _slot(row, primary), _queries(row), _failover(row))


def _check(name: str, state: Status, what: str, why: str, remedy: str = "") -> Check:
    return Check("replica", name, state, what, why, remedy)


def _follows(row: Record, reason: str) -> Check:
    if row["state"] == "paused":
        remedy = "SELECT pg_catalog.pg_wal_replay_resume();  -- on this replica"
        return _check("follows", Status.LIMITED, "Its replay is paused.", reason, "" if row["is_lower"] else remedy)
    return _check("follows", Status.OK, "It follows the primary.", f"{row['state']}, timeline {row['timeline']}")


def _lower(row: Record) -> Check:
    if not row["is_lower"]:
        return _check("settings", Status.OK, "No setting is lower than it must be.", "compared with the primary")
    what = "Settings are lower than the primary's: its replay stops, and it does not start again."
    remedy = "Raise them with ALTER SYSTEM on this replica, then restart it. To lower them, begin with the primary."
    return _check("settings", Status.LIMITED, what, str(row["lower"]), remedy)


def _slot(row: Record, primary: Mapping[str, str]) -> Check:
    name = one_line(row["slot"])
    if not row["slot"]:
        remedy = (
            "SELECT pg_catalog.pg_create_physical_replication_slot('replica');  -- on the primary\n"
            "ALTER SYSTEM SET primary_slot_name = 'replica';  -- on this replica, then pg_reload_conf()"
        )
        what = "After a stop, the WAL that it lacks may be gone: then it must be copied again."
        return _check("slot", Status.LIMITED, what, "primary_slot_name is empty", remedy)
    if row["wal_status"] == "lost":
        what = "Its slot was invalidated: after the next stop it must be copied again."
        return _check("slot", Status.CANNOT, what, f"slot {name}", "Drop the slot, create it again, copy the replica.")
    if primary.get(LONG_STOP) == "-1":
        what = "While it is away, its slot keeps WAL until the primary's disk is full."
        remedy = f"ALTER SYSTEM SET {LONG_STOP} = '…';  -- on the primary: as much as its disk can spare"
        return _check("slot", Status.LIMITED, what, f"{LONG_STOP} = -1", remedy)
    why = f"slot {name}" + (f", {LONG_STOP} = {primary[LONG_STOP]} MB" if LONG_STOP in primary else "")
    return _check("slot", Status.OK, "It catches up after a stop, and the disk of the primary is safe.", why)


def _queries(row: Record) -> Check:
    feedback, delay = row["feedback"] == "on", str(row["query_delay"])
    why = f"hot_standby_feedback = {row['feedback']}, max_standby_streaming_delay = {one_line(delay)}"
    if delay == "-1":
        what = "Long queries delay the replay without limit: the replica can be hours behind."
        remedy = "ALTER SYSTEM SET max_standby_streaming_delay = '5min';  -- on this replica, then pg_reload_conf()"
        return _check("queries", Status.LIMITED, what, why, remedy)
    if feedback:
        what = "VACUUM on the primary cancels no query here; it keeps dead rows as long as they run."
        return _check("queries", Status.OK, what, why)
    what = f"Queries of more than {one_line(delay)} are cancelled when VACUUM removes rows that they could see."
    remedy = (
        "ALTER SYSTEM SET hot_standby_feedback = on;  -- on this replica, then pg_reload_conf(): the primary keeps "
        "dead rows while queries run\n"
        "or a longer max_standby_streaming_delay: the replica falls behind while they run"
    )
    return _check("queries", Status.LIMITED, what, why, remedy)


def _failover(row: Record) -> Check:
    if row["manager"]:
        what = f"{row['manager']} promotes a replica when the primary is lost."
        return _check("failover", Status.OK, what, "its sessions are connected")
    what = "No failover manager is connected: who promotes a replica, and how, must be known beforehand."
    return _check("failover", Status.OK, what, "no session of Patroni, repmgr, pg_auto_failover or CloudNativePG")

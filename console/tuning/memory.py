"""The memory a server takes when every session takes all it may. Pure.

Shared: all buffers that are sized at start, the lock tables, a slot for each process. Private: work_mem ×
hash_mem_multiplier for two nodes of each session's plan, and maintenance memory for each autovacuum worker and one
session (PostgreSQL documentation, "Resource Consumption" and "Managing Kernel Resources").
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from console.tuning.units import Setting, is_memory, number

NODES = 2  # sorts and hashes that run at once in one session
LOCK, SLOT = 270, 40 << 10  # bytes of an entry of the lock table; of a process in shared memory

Value = Callable[[str], str]  # setting → value in the base unit


@dataclass(frozen=True, slots=True)
class Worst:
    """Bytes, at worst."""

    shared: float
    sessions: float
    maintenance: float

    @property
    def total(self) -> float:
        return self.shared + self.sessions + self.maintenance


def worst_case(settings: Mapping[str, Setting], value: Value) -> Worst:
    """What `settings` with these values may take."""

    def of(name: str) -> float:
        return max(0.0, number(settings[name], value(name)) or 0.0) if name in settings else 0.0

    workers = of("autovacuum_max_workers")
    slots = of("max_connections") + max(workers, of("autovacuum_worker_slots")) + of("max_worker_processes")
    slots += of("max_wal_senders") + of("max_prepared_transactions")
    locks = (of("max_locks_per_transaction") + of("max_pred_locks_per_transaction")) * slots * LOCK
    sized = sum(
        of(name) for name, one in settings.items() if one.context == "postmaster" and one.unit and is_memory(one.unit)
    )
    texts = of("track_activity_query_size") * slots
    each = of("work_mem") * max(1.0, of("hash_mem_multiplier")) * NODES
    vacuum = of("autovacuum_work_mem") or of("maintenance_work_mem")
    return Worst(
        sized + locks + texts + slots * SLOT,
        of("max_connections") * each,
        workers * vacuum + of("maintenance_work_mem"),
    )

"""The memory a server uses if every session uses all it may. Pure.

Shared: all buffers allocated at start, the lock tables, a slot for each process, the entries of extensions. Private:
work_mem × hash_mem_multiplier for two nodes of each session's plan, and maintenance memory for each autovacuum worker
and one session (PostgreSQL documentation, "Resource Consumption" and "Managing Kernel Resources").
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from console.records import dataclass
from console.tuning.units import Setting, is_memory, number

NODES = 2  # concurrent sorts and hashes in one session
DEFAULT_WORK_MEM = 4 << 20  # bytes; a preset never writes less
# Bytes of an entry of the lock tables (shared_memory_size on 15, 17 and 19, where a lock takes 368), and of the shared
# memory of a process.
LOCK, PREDICATE_LOCK, SLOT = 400, 250, 40 << 10

# Shared memory of extensions: setting that counts entries → bytes an entry takes (462 measured on 18, rounded up).
ENTRY_BYTES: Mapping[str, int] = {"pg_stat_statements.max": 512}

Value = Callable[[str], str]  # setting → value in the base unit


@dataclass(frozen=True, slots=True)
class WorstCase:
    """Worst-case memory in bytes."""

    shared: float
    sessions: float
    maintenance: float

    @property
    def total(self) -> float:
        return self.shared + self.sessions + self.maintenance

    def demand(self, work_mem: float) -> float:
        """The total; without the sorts of sessions while `work_mem` (bytes) is at most the server's own default."""
        return self.total if work_mem > DEFAULT_WORK_MEM else self.total - self.sessions


def worst_case(settings: Mapping[str, Setting], value: Value) -> WorstCase:
    """The worst-case memory of `settings` with these values."""

    def of(name: str) -> float:
        return max(0.0, number(settings[name], value(name)) or 0.0) if name in settings else 0.0

    workers = of("autovacuum_max_workers")
    slots = of("max_connections") + max(workers, of("autovacuum_worker_slots")) + of("max_worker_processes")
    slots += of("max_wal_senders") + of("max_prepared_transactions")
    locks = slots * (of("max_locks_per_transaction") * LOCK + of("max_pred_locks_per_transaction") * PREDICATE_LOCK)
    sized = sum(
        of(name)
        for name, setting in settings.items()
        if setting.context == "postmaster" and setting.unit and is_memory(setting.unit)
    )
    entries = sum(of(name) * each for name, each in ENTRY_BYTES.items())
    texts = of("track_activity_query_size") * slots
    each = of("work_mem") * max(1.0, of("hash_mem_multiplier")) * NODES
    vacuum = of("autovacuum_work_mem") or of("maintenance_work_mem")
    return WorstCase(
        sized + locks + entries + texts + slots * SLOT,
        of("max_connections") * each,
        workers * vacuum + of("maintenance_work_mem"),
    )

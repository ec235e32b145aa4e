"""The nouns of the console. Standard library only; everything else may import this, it imports nothing of ours."""

from __future__ import annotations

from console.model.act import (
    LOCK_TIMEOUT,
    Batches,
    Claim,
    Execution,
    Export,
    LocalFile,
    Outcome,
    Parameter,
    Plan,
    Program,
    Standalone,
    Step,
    Transaction,
)
from console.model.judge import AnyRule, Level, Limit, Rule, StateRule, Window, above, below
from console.model.look import Column, Lookup, Pane, Rate, Record, Row, Snapshot, View
from console.model.source import Database, Extension, Facts, Source
from console.model.trouble import Kind, Lacks, Trouble, denied, read_only

__all__ = [
    "LOCK_TIMEOUT",
    "AnyRule",
    "Batches",
    "Claim",
    "Column",
    "Database",
    "Execution",
    "Export",
    "Extension",
    "Facts",
    "Kind",
    "Lacks",
    "Level",
    "Limit",
    "LocalFile",
    "Lookup",
    "Outcome",
    "Pane",
    "Parameter",
    "Plan",
    "Program",
    "Rate",
    "Record",
    "Row",
    "Rule",
    "Snapshot",
    "Source",
    "Standalone",
    "StateRule",
    "Step",
    "Transaction",
    "Trouble",
    "View",
    "Window",
    "above",
    "below",
    "denied",
    "read_only",
]

"""Measures the console beside pg_activity and writes docs/benchmarks.md; --help tells the options."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
runpy.run_module("scripts.benchmarks", run_name="__main__")

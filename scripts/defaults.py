"""The bundled configuration as a Python module, written so that no start has to parse it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from console.settings import config, defaults

FILE = Path(defaults.__file__)
HEAD = '''"""What the bundled config/console.yml says, written by `python -m scripts.docs`: parsing it takes longer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from console.settings.jobs import JobWindow, RecurringJob

DEFAULTS: Mapping[str, Any] = '''


def write() -> bool:
    """Write the module if it says something else than the configuration; whether it did."""
    if config.bundled() == defaults.DEFAULTS:
        return False
    FILE.write_text(f"{HEAD}{config.bundled()!r}\n", encoding="utf-8")
    subprocess.run([sys.executable, "-m", "ruff", "format", "--quiet", str(FILE)], check=True)
    return True

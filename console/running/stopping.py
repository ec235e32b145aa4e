"""When a front says what runs that were asked to stop still do."""

from __future__ import annotations

SLOW = 1.0  # seconds after which a run that is stopped says what it still does

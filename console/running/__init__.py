"""Running plans: audited, one console at a time on a subject, verified, and never long in anybody's way."""

from console.running.run import Progress, Run, groups, stop
from console.running.runner import PATIENCE, Runner

__all__ = ["PATIENCE", "Progress", "Run", "Runner", "groups", "stop"]

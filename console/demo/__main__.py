"""`python -m console.demo`: the demo without the rest of the command line; prints URIs and serves."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from console.demo import run
from console.model import Kind, Trouble


def main() -> int:
    """Run the headless demo; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m console.demo", description=main.__doc__)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--keep", type=Path)
    options = parser.parse_args()
    try:
        return run(options.scale, options.keep, headless=True)
    except Trouble as trouble:
        sys.stderr.write(f"{trouble}\n")
        return 2 if trouble.kind is Kind.USAGE else 1


if __name__ == "__main__":
    raise SystemExit(main())

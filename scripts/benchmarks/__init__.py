"""Benchmarks, each a module with `main`; `python -m scripts.benchmarks --help` lists them."""

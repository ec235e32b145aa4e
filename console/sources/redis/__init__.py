"""The Redis that caches brands."""

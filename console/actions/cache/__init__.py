"""Actions on the cache of brands."""

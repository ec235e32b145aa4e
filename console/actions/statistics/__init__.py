"""Actions on the cumulative statistics."""

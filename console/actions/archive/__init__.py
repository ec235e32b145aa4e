"""Old months: archived, restored, exported."""

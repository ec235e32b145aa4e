"""What was read before: every reading of the last hour, in memory and in files, and the sources that answer from it."""

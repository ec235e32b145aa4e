"""The server's log: where it can be read, how its formats are parsed, and what was read of it."""

"""What the server would do for a statement: its plan, what is wrong with it, and how it differs from the one before."""

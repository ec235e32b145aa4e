"""The audit trail: what ran, who ran it, and how it ended."""

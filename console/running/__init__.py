"""Running plans: audited, one console at a time on a subject, verified, and never long in anybody's way."""

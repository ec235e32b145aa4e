"""Running plans: audited, one console at a time on a subject, verified, without blocking others for long."""

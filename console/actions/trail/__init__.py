"""Undoing runs that the audit trail records."""

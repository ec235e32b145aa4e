"""Undoing what the audit trail knows."""

"""The set-up guide: its pages as data, the state of each, and what the user decided about it."""

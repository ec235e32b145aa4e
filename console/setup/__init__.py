"""The first day: the pages of the set-up guide as data, how far each is, and what the user decided about it."""

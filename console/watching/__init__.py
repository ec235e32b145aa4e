"""What reads the queries of the rules in time and judges them: for the screen, for `check` and for `watch`."""

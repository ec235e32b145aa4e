"""Which indexes would pay: candidates from plans, judged by hypothetical indexes or by heuristics."""

"""Series: past samples of sizes and counters, and what they say of the time to come."""

"""Actions on samples of sizes and limits."""

"""Who will wait for a statement: the locks it takes, who holds conflicting ones, and what would queue behind it."""

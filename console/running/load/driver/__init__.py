"""The console's own load driver: runs scripts of pgbench in a process of its own, and names errors by SQLSTATE."""

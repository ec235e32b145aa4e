"""What changes a Citus cluster: where its shards are, which tables it distributes."""

"""A grown database gets what the pipeline schema has."""

"""Schema migrations, roles and extensions."""

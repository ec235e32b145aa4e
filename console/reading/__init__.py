"""What turns a read into rows: rates, look-ups, filter and order, export."""

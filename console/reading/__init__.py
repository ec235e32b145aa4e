"""From a read to rows: rates, look-ups, filter and order, export."""

"""The statements of the own database in pg_stat_statements.

Texts are in the encoding of their database: one of another database may be none in UTF-8, and ends a query that looks
at it.
"""

OWN_STATEMENTS = (  # OFFSET keeps what is asked of the texts outside
    "(SELECT * FROM pg_stat_statements"
    " WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) OFFSET 0) AS own"
)

-- The keywords of the server's grammar.
SELECT k.word FROM pg_catalog.pg_get_keywords() k

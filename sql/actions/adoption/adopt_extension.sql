-- The statement that makes the extension which lets a GIN index hold the organisation beside the words.
SELECT 'CREATE EXTENSION IF NOT EXISTS btree_gin WITH SCHEMA public' AS sql, 'new objects only' AS lock,
       'extension' AS "group",
       'DROP EXTENSION btree_gin' AS undo, 'so that a search reads the postings of one organisation only' AS note

-- The statement that creates btree_gin, so that a GIN index can include the organisation.
SELECT 'CREATE EXTENSION IF NOT EXISTS btree_gin WITH SCHEMA public' AS sql, 'new objects only' AS lock,
       'extension' AS "group",
       'DROP EXTENSION btree_gin' AS undo,
       'lets the search index include organization_id, so that a search reads one tenant only' AS note

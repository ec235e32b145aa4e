-- Statements that create the indexes of a table on its new parent, except the primary key.
WITH t AS MATERIALIZED (
  SELECT c.oid, c.relnamespace, n.nspname, pg_catalog.format('%%I.%%I', n.nspname, c.relname) AS name,
         pg_catalog.format('%%I.%%I', n.nspname, 'pipeline_console_' || c.oid || '_new') AS parent
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
   WHERE c.oid = %(oid)s::bigint::oid
), index AS (
  SELECT i.indexrelid, x.relname, i.indisunique, k.oid AS constraint,
         'pipeline_console_' || t.oid || '_' || i.indexrelid AS new_name,
         pg_catalog.format('CREATE %%sINDEX %%I ON %%s ', CASE WHEN i.indisunique THEN 'UNIQUE ' ELSE ''
                           END, x.relname, t.name) AS head,
         pg_catalog.pg_get_indexdef(i.indexrelid) AS definition,
         pg_catalog.obj_description(i.indexrelid, 'pg_class') AS comment, t.*
    FROM t JOIN pg_catalog.pg_index i ON i.indrelid = t.oid AND i.indisvalid AND NOT i.indisprimary
    JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid AND x.relname <> 'pipeline_console_' || t.oid || '_key'
    LEFT JOIN pg_catalog.pg_constraint k ON k.conindid = i.indexrelid AND k.conrelid = t.oid AND k.contype = 'u'
   WHERE %(fresh)s OR NOT EXISTS (SELECT FROM pg_catalog.pg_class o
                      WHERE o.relnamespace = t.relnamespace AND o.relname = 'pipeline_console_' || t.oid || '_'
                          || i.indexrelid)
)
SELECT CASE WHEN i."constraint" IS NOT NULL
              THEN pg_catalog.format('ALTER TABLE %%s ADD CONSTRAINT %%I %%s', i.parent, i.new_name,
                                     pg_catalog.pg_get_constraintdef(i."constraint"))
            ELSE pg_catalog.format('CREATE %%sINDEX %%I ON %%s %%s', CASE WHEN i.indisunique THEN 'UNIQUE ' ELSE ''
                                   END, i.new_name, i.parent,
                                   pg_catalog.substr(i.definition, pg_catalog.length(i.head) + 1)) END
       || CASE WHEN i.comment IS NOT NULL
           THEN pg_catalog.format(E';\nCOMMENT ON INDEX %%I.%%I IS %%L', i.nspname, i.new_name, i.comment) ELSE ''
               END AS sql,
       'the new table only' AS lock,
       CASE WHEN %(together)s THEN 'new parent' ELSE 'index ' || i.indexrelid END AS "group",
       'as ' || pg_catalog.quote_ident(i.relname) AS note,
       CASE WHEN "constraint" IS NULL AND NOT pg_catalog.starts_with(i.definition, i.head)
            THEN 'The definition of the index ' || pg_catalog.quote_ident(i.relname) || ' cannot be parsed.'
                END AS refused
  FROM index i ORDER BY i.indexrelid

-- How many of the given blocks of each relation are in shared buffers; the row without a relation: unused buffers.
-- extension: pg_buffercache
-- lane: slow
WITH wanted AS MATERIALIZED (
  SELECT w.oid, w.first, w.last, pg_catalog.pg_relation_filenode(c.oid) AS node,
         CASE WHEN c.relisshared THEN 0::oid ELSE d.oid END AS database,
         CASE WHEN c.reltablespace = 0 THEN d.dattablespace ELSE c.reltablespace END AS tablespace
    FROM ROWS FROM (pg_catalog.unnest(%(oid)s::bigint[]), pg_catalog.unnest(%(first)s::bigint[]),
                    pg_catalog.unnest(%(last)s::bigint[])) w(oid, first, last)
    JOIN pg_catalog.pg_class c ON c.oid = w.oid::oid
    JOIN pg_catalog.pg_database d ON d.datname = pg_catalog.current_database()
)
SELECT w.oid, pg_catalog.count(*) AS buffers
  FROM @extschema@.pg_buffercache b
  LEFT JOIN wanted w ON b.relfilenode = w.node AND b.reltablespace = w.tablespace AND b.reldatabase = w.database
   AND b.relforknumber = 0 AND b.relblocknumber BETWEEN w.first AND w.last
 WHERE w.oid IS NOT NULL OR b.relfilenode IS NULL
 GROUP BY w.oid

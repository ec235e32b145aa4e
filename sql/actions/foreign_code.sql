-- Which of the named relations would run code of a non-superuser when a query on them is planned or run.
--
-- Views, and tables whose indexes, constraints, statistics, partition key or column types use functions of such a role:
-- the planner evaluates their expressions with the rights of the current role. Names without a relation are ignored.
WITH RECURSIVE named AS (
  SELECT DISTINCT w.name, pg_catalog.to_regclass(w.name)::oid AS oid FROM pg_catalog.unnest(%(names)s::text[]) w(name)
), tree AS (
  SELECT n.name, n.oid FROM named n WHERE n.oid IS NOT NULL
  UNION
  SELECT t.name, h.inhrelid FROM tree t JOIN pg_catalog.pg_inherits h ON h.inhparent = t.oid
), part AS (
  SELECT t.oid AS of, 1259::oid AS classid, t.oid AS objid FROM tree t
  UNION ALL SELECT t.oid, 1259, i.indexrelid FROM tree t JOIN pg_catalog.pg_index i ON i.indrelid = t.oid
  UNION ALL SELECT t.oid, 2606, k.oid FROM tree t JOIN pg_catalog.pg_constraint k ON k.conrelid = t.oid
  UNION ALL SELECT t.oid, 2604, d.oid FROM tree t JOIN pg_catalog.pg_attrdef d ON d.adrelid = t.oid
  UNION ALL SELECT t.oid, 3381, s.oid FROM tree t JOIN pg_catalog.pg_statistic_ext s ON s.stxrelid = t.oid
), owned AS (
  SELECT p.of, coalesce(f.proowner, o.oprowner, c.opcowner, CASE WHEN y.typtype IN ('b', 'd', 'r', 'm') THEN y.typowner
                        END) AS owner
    FROM part p
    JOIN pg_catalog.pg_depend d ON d.classid = p.classid AND d.objid = p.objid AND d.refobjid >= 16384
    LEFT JOIN pg_catalog.pg_proc f ON d.refclassid = 1255 AND f.oid = d.refobjid
    LEFT JOIN pg_catalog.pg_operator o ON d.refclassid = 2617 AND o.oid = d.refobjid
    LEFT JOIN pg_catalog.pg_opclass c ON d.refclassid = 2616 AND c.oid = d.refobjid
    LEFT JOIN pg_catalog.pg_type y ON d.refclassid = 1247 AND y.oid = d.refobjid
)
SELECT t.name, t.oid::regclass::text AS relation,
       CASE WHEN c.relkind NOT IN ('r', 'p', 'm') THEN 'is not a table'
           ELSE 'uses functions or types owned by another role' END AS why
  FROM tree t
  JOIN pg_catalog.pg_class c ON c.oid = t.oid
 WHERE c.relkind NOT IN ('r', 'p', 'm')
    OR EXISTS (SELECT FROM owned o JOIN pg_catalog.pg_roles r ON r.oid = o.owner WHERE o.of = t.oid AND NOT r.rolsuper)

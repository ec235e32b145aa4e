-- Which of the named relations would run code of a non-superuser when they are read, written or altered, and why.
--
-- The second wall: other roles' tables are confined to their owner, a superuser's own cannot be. Looked at are also
-- partitions, children, and tables that foreign keys lead to or come from, because constraints are proven on both
-- sides: the planner computes constant expressions of every index of a table that a query names. Built-in functions
-- count where they run a query given as text, or do something, such as reading a file. Names without a relation are
-- ignored.
WITH RECURSIVE named AS (
  SELECT DISTINCT w.name, pg_catalog.to_regclass(w.name)::oid AS oid FROM pg_catalog.unnest(%(names)s::text[]) w(name)
), near AS (
  SELECT n.name, n.oid FROM named n WHERE n.oid IS NOT NULL
  UNION SELECT n.name, k.confrelid FROM named n JOIN pg_catalog.pg_constraint k ON k.conrelid = n.oid
                                                                          AND k.contype = 'f'
  UNION SELECT n.name, k.conrelid FROM named n JOIN pg_catalog.pg_constraint k ON k.confrelid = n.oid
                                                                         AND k.contype = 'f'
), tree AS (
  SELECT n.name, n.oid FROM near n
  UNION
  SELECT t.name, h.inhrelid FROM tree t JOIN pg_catalog.pg_inherits h ON h.inhparent = t.oid
), part AS (
  SELECT t.oid AS of, 1259::oid AS classid, t.oid AS objid, NULL::pg_catalog.pg_node_tree AS tree FROM tree t
  UNION ALL SELECT t.oid, 1259, i.indexrelid, u.tree FROM tree t JOIN pg_catalog.pg_index i ON i.indrelid = t.oid
     CROSS JOIN LATERAL (VALUES (i.indexprs), (i.indpred)) u(tree)
  UNION ALL SELECT t.oid, 2606, k.oid, k.conbin FROM tree t JOIN pg_catalog.pg_constraint k ON k.conrelid = t.oid
  UNION ALL SELECT t.oid, 2604, d.oid, d.adbin FROM tree t JOIN pg_catalog.pg_attrdef d ON d.adrelid = t.oid
  UNION ALL SELECT t.oid, 3381, s.oid, s.stxexprs FROM tree t
      JOIN pg_catalog.pg_statistic_ext s ON s.stxrelid = t.oid
  UNION ALL SELECT t.oid, 3350, p.partrelid, p.partexprs FROM tree t
      JOIN pg_catalog.pg_partitioned_table p ON p.partrelid = t.oid
  UNION ALL SELECT t.oid, 2620, g.oid, g.tgqual FROM tree t
      JOIN pg_catalog.pg_trigger g ON g.tgrelid = t.oid AND NOT g.tgisinternal
  UNION ALL SELECT t.oid, 3256, p.oid, q.tree FROM tree t JOIN pg_catalog.pg_policy p ON p.polrelid = t.oid
     CROSS JOIN LATERAL (VALUES (p.polqual), (p.polwithcheck)) q(tree)
  UNION ALL SELECT t.oid, 2618, w.oid, w.ev_action FROM tree t JOIN pg_catalog.pg_rewrite w ON w.ev_class = t.oid
      JOIN pg_catalog.pg_class c ON c.oid = t.oid AND c.relkind IN ('r', 'p')
  UNION ALL SELECT t.oid, 2606, k.oid, k.conbin FROM tree t  -- of domains
      JOIN pg_catalog.pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
      JOIN pg_catalog.pg_constraint k ON k.contypid = a.atttypid
), owned AS (
  SELECT p.of, coalesce(f.proowner, o.oprowner, c.opcowner, CASE WHEN y.typtype IN ('b', 'd', 'r', 'm') THEN y.typowner
                        END) AS owner
    FROM (SELECT DISTINCT p.of, p.classid, p.objid FROM part p) p
    JOIN pg_catalog.pg_depend d ON d.classid = p.classid AND d.objid = p.objid AND d.refobjid >= 16384
    LEFT JOIN pg_catalog.pg_proc f ON d.refclassid = 1255 AND f.oid = d.refobjid
    LEFT JOIN pg_catalog.pg_operator o ON d.refclassid = 2617 AND o.oid = d.refobjid
    LEFT JOIN pg_catalog.pg_opclass c ON d.refclassid = 2616 AND c.oid = d.refobjid
    LEFT JOIN pg_catalog.pg_type y ON d.refclassid = 1247 AND y.oid = d.refobjid
), called AS (  -- pg_depend has no entries for built-in functions
  SELECT p.of, pg_catalog.min(f.proname) AS name
    FROM part p
   CROSS JOIN LATERAL pg_catalog.regexp_matches(p.tree::text, ':funcid (\d+)', 'g') m(id)
    JOIN pg_catalog.pg_proc f ON f.oid = m.id[1]::oid AND f.oid < 16384
    JOIN pg_catalog.pg_class c ON c.oid = p.of
    JOIN pg_catalog.pg_roles r ON r.oid = c.relowner AND NOT r.rolsuper
   WHERE f.provolatile = 'v' AND f.proname NOT IN ('clock_timestamp', 'nextval', 'gen_random_uuid', 'random')
      OR f.proname LIKE '%%to\_xml%%'
   GROUP BY p.of
), said AS (
  SELECT t.name, t.oid::regclass::text AS relation, CASE
           WHEN c.relkind NOT IN ('r', 'p', 'm')
             THEN pg_catalog.format('Reading %%s, which is no table, would run what its owner put into it',
                                    t.oid::regclass)
           WHEN EXISTS (SELECT FROM owned o JOIN pg_catalog.pg_roles r ON r.oid = o.owner
                         WHERE o.of = t.oid AND NOT r.rolsuper)
             THEN pg_catalog.format('%%s uses functions or types of another role, which would run', t.oid::regclass)
           WHEN l.name IS NOT NULL
             THEN pg_catalog.format('%%s calls %%s(), which would run', t.oid::regclass, l.name)
         END || ' with the rights of a superuser.' AS sentence
    FROM tree t
    JOIN pg_catalog.pg_class c ON c.oid = t.oid
    LEFT JOIN called l ON l.of = t.oid
)
SELECT s.name, s.relation, s.sentence FROM said s WHERE s.sentence IS NOT NULL ORDER BY 1, 2

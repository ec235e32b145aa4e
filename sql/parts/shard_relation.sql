JOIN pg_catalog.pg_class c
  ON c.oid = pg_catalog.to_regclass(  -- named without its schema where that is public
       CASE l.relnamespace WHEN pg_catalog.to_regnamespace('public') THEN 'public.' ELSE '' END
       || pg_catalog.shard_name(l.oid::pg_catalog.regclass, s.shardid))

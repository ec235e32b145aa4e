       (SELECT pg_catalog.string_agg(m.name, ', ' ORDER BY m.name) FROM marked m
         WHERE m.relowner = c.relowner
           AND (pg_catalog.strpos(m.mark, pg_catalog.format(' from %%I.%%I to ', n.nspname, c.relname)) > 0
             OR pg_catalog.strpos(m.mark, pg_catalog.format(' from %%I.%%I, ', n.nspname, c.relname)) > 0
             OR pg_catalog.strpos(m.mark, pg_catalog.format(' to %%I.%%I, ', n.nspname, c.relname)) > 0)) AS astray,

-- Those of all statements whose total time is at least so much, with the columns of statements: 500 at most.
-- extension: pg_stat_statements
-- No other one is sorted, so that a read takes little more than the server needs to copy all counters.
@statement_columns@
         WHERE x.total_exec_time >= %(least)s::double precision  -- since 1.8
         WHERE x.total_time >= %(least)s::double precision  -- before 1.8
@statement_rows@

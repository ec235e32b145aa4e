-- Sample data: what every session needs that loads a part of it.

SET search_path = demo;
SET synchronous_commit = off;
SET jit = off;
SET work_mem = '64MB';
SET maintenance_work_mem = '256MB';
SET default_statistics_target = 10;  -- a tenth of the rows is sample enough; `gather_statistics` says where it is not

-- Dice are hashes, not random(): a row does not depend on the order in which rows are made.
CREATE OR REPLACE FUNCTION pg_temp.dice(n bigint, salt bigint) RETURNS double precision
LANGUAGE sql IMMUTABLE AS $$SELECT (hashint8extended(n, salt) & 2147483647) / 2147483648.0::double precision$$;
CREATE OR REPLACE FUNCTION pg_temp.pick(words text[], n bigint, salt bigint) RETURNS text
LANGUAGE sql IMMUTABLE AS $$SELECT words[1 + (hashint8extended(n, salt) & 2147483647) % cardinality(words)]$$;
-- Keys as uuidv7() would have made them at that time: in order of time, 48 bits of milliseconds first. Of both halves
-- the first has fifteen hexadecimal digits from 2004 to 2527, the second always sixteen, so that none needs padding.
CREATE OR REPLACE FUNCTION pg_temp.key(made_at timestamptz, n bigint, salt bigint) RETURNS uuid
LANGUAGE sql STABLE AS $$
    SELECT ('0' || to_hex(((date_part('epoch', made_at) * 1000)::bigint << 16) | x'7000'::bigint | (n & x'fff'::bigint))
            || to_hex((hashint8extended(n, salt) & x'0fffffffffffffff'::bigint) | x'a000000000000000'::bigint))::uuid$$;

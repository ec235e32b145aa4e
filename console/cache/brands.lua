-- What the cache does in Redis, one operation a call, each atomic.
--
-- NS:epoch                  which start of which Redis wrote the states; others count as missing
-- NS:BRAND                  hash, the state of a brand: epoch, generation, fresh (not yet compared with the database),
--                           and one field o:ID for each open announcement
-- NS:BRAND:GENERATION:KIND:FORM  a value; with :lock the reader that loads it
-- NS:BRAND:void:TOKEN:lock  this reader no longer waits for the answer of its read: it gets no lock
-- NS:counts:MINUTE          hash KIND:RESULT -> reads, for an hour
-- NS:hot:PERIOD             sorted set BRAND -> reads in ten minutes

local op, ns, brand = ARGV[1], ARGV[2], ARGV[3]
local FORM = ':@VERSION@'  -- of the values: each version of the library reads its own
local STATE_MS, COUNTS_S, HOT_S, HOT_BRANDS = 86400000, 3900, 1500, 10000

local epoch = redis.call('GET', ns .. ':epoch')
if not epoch then
    return {'lost'}
end

local state = ns .. ':' .. brand
local now = redis.call('TIME')

local function count(kind, result)
    -- pcall: a Redis without free memory still serves what it holds.
    local counts = ns .. ':counts:' .. math.floor(now[1] / 60)
    local reads = redis.pcall('HINCRBY', counts, kind .. ':' .. result, 1)
    if reads == 1 then
        redis.pcall('EXPIRE', counts, COUNTS_S)
    end
    local hot = ns .. ':hot:' .. math.floor(now[1] / 600)
    local known = redis.call('ZCARD', hot)
    if known < HOT_BRANDS or redis.call('ZSCORE', hot, brand) then
        redis.pcall('ZINCRBY', hot, 1, brand)
        if known == 0 then
            redis.pcall('EXPIRE', hot, HOT_S)
        end
    end
end

local function known()
    -- The generation, whether it is fresh, and how many announcements are open; nil if there is no state.
    local fields = redis.call('HMGET', state, 'epoch', 'generation', 'fresh')
    if fields[1] ~= epoch then
        return nil, nil, 0
    end
    local own = 1 + (fields[2] and 1 or 0) + (fields[3] and 1 or 0)
    return fields[2], fields[3], redis.call('HLEN', state) - own
end

local function begin()
    -- A generation that no earlier state of this brand had: the time in microseconds.
    if redis.call('HGET', state, 'epoch') ~= epoch then
        redis.call('DEL', state)
    end
    local generation = now[1] .. string.format('%06d', now[2])
    redis.call('HSET', state, 'epoch', epoch, 'generation', generation, 'fresh', 1)
    redis.call('PEXPIRE', state, STATE_MS)
    return generation
end

local function drop(generation)
    -- The next generation: no value of the last one is read again, and none under way is stored.
    if generation then
        for _, kind in ipairs({'profile', 'templates', 'assets'}) do
            redis.call('UNLINK', state .. ':' .. generation .. ':' .. kind .. FORM)
        end
        local next = redis.pcall('HINCRBY', state, 'generation', 1)
        if type(next) == 'table' and next.err then
            redis.call('HDEL', state, 'generation')  -- works without free memory, too
        end
    end
end

if op == 'read' then
    local kind, token, lease, again = ARGV[4], ARGV[5], ARGV[6], ARGV[7]
    local generation, fresh, open = known()
    if open > 0 then
        if again == '0' then count(kind, 'bypass') end
        local ids = {'open'}
        for _, field in ipairs(redis.call('HKEYS', state)) do
            if string.sub(field, 1, 2) == 'o:' then ids[#ids + 1] = string.sub(field, 3) end
        end
        return ids
    end
    if not generation then
        generation, fresh = begin(), '1'
    end
    local key = state .. ':' .. generation .. ':' .. kind .. FORM
    local value = not fresh and redis.call('GET', key)
    if value then
        if again == '0' then count(kind, 'hit') end
        return {'hit', value}
    end
    local lock = key .. ':lock'
    local mine = redis.call('GET', lock) == token
        or redis.call('EXISTS', state .. ':void:' .. token .. ':lock') == 0
            and redis.call('SET', lock, token, 'NX', 'PX', lease)
    if again == '0' then count(kind, mine and 'miss' or 'wait') end
    return {mine and 'lead' or 'wait', generation, fresh or ''}

elseif op == 'store' then
    local kind, token, wanted, looked, value, ttl = ARGV[4], ARGV[5], ARGV[6], ARGV[7], ARGV[8], ARGV[9]
    local key = state .. ':' .. wanted .. ':' .. kind .. FORM
    if redis.call('GET', key .. ':lock') == token then
        redis.call('DEL', key .. ':lock')
    end
    local generation, fresh, open = known()
    if ttl == '0' or generation ~= wanted or open > 0 or (fresh and looked == '0') then
        return {'refused'}
    end
    redis.call('SET', key, value, 'PX', ttl)
    redis.call('HDEL', state, 'fresh')
    redis.call('PEXPIRE', state, STATE_MS)
    return {'stored'}

elseif op == 'release' then
    -- By the token alone: whoever lost the answer does not know the generation. The read may still be on its way.
    local kind, token, lease = ARGV[4], ARGV[5], ARGV[6]
    local generation = known()
    local lock = generation and state .. ':' .. generation .. ':' .. kind .. FORM .. ':lock'
    if lock and redis.call('GET', lock) == token then
        redis.call('DEL', lock)
        return {'released'}
    end
    redis.pcall('SET', state .. ':void:' .. token .. ':lock', 1, 'PX', lease)
    return {'void'}

elseif op == 'announce' then
    local generation = known() or begin()
    if redis.call('HSETNX', state, 'o:' .. ARGV[4], 1) == 1 then
        drop(generation)
    end
    redis.call('PEXPIRE', state, STATE_MS)
    return {'announced'}

elseif op == 'settle' then
    local generation = known()
    for at = 4, #ARGV do
        redis.call('HDEL', state, 'o:' .. ARGV[at])
    end
    drop(generation)
    return {'settled'}
end

return redis.error_reply('ERR unknown operation')

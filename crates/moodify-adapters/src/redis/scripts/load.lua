-- A listener's state, and whether it is of this run.
-- KEYS: state. ARGV: run.
local found = redis.call('HMGET', KEYS[1], 'run', 'version', 'state')
return { found[1] == ARGV[1] and 1 or 0, found[2], found[3] }

-- A command that a listener's state remembers, and whether the state is of this run.
-- KEYS: state, commands. ARGV: run, command.
local is_current = redis.call('HGET', KEYS[1], 'run') == ARGV[1]
return { is_current and 1 or 0, redis.call('HGET', KEYS[2], ARGV[2]) }

-- The state in the place of the one at a version, and the command that asked for it. Returns whether that one was
-- there.
-- KEYS: state, commands, order, dirty. ARGV: run, expected version, version, state, time to keep it in ms, now in us,
-- account ('' without an archive), and if there is a command: its key, what is remembered of it, up to when others
-- are forgotten in us, how many are remembered.
local there = redis.call('HMGET', KEYS[1], 'run', 'version')
if there[1] ~= ARGV[1] or there[2] ~= ARGV[2] then
  return 0
end
redis.call('HSET', KEYS[1], 'version', ARGV[3], 'state', ARGV[4])
redis.call('PEXPIRE', KEYS[1], ARGV[5])
if ARGV[7] ~= '' then
  redis.call('ZADD', KEYS[4], ARGV[6], ARGV[7])
end
if ARGV[8] then
  redis.call('HSET', KEYS[2], ARGV[8], ARGV[9])
  redis.call('ZADD', KEYS[3], ARGV[6], ARGV[8])
  -- Some more than one change can add.
  local old = redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', ARGV[10], 'LIMIT', 0, 100)
  local excess = redis.call('ZCARD', KEYS[3]) - #old - tonumber(ARGV[11])
  if excess > 0 then
    for _, command in ipairs(redis.call('ZRANGE', KEYS[3], #old, #old + math.min(excess, 100) - 1)) do
      table.insert(old, command)
    end
  end
  if #old > 0 then
    redis.call('HDEL', KEYS[2], unpack(old))
    redis.call('ZREM', KEYS[3], unpack(old))
  end
  -- An hour: longer than any of them counts.
  redis.call('PEXPIRE', KEYS[2], 3600000)
  redis.call('PEXPIRE', KEYS[3], 3600000)
end
return 1

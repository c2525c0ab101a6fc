-- The state that a listener goes on with after the server may have lost some of it, if nobody was faster. Commands and
-- devices are added to those that are there.
-- KEYS: state, commands, order, devices, dirty. ARGV: run, version that was there ('' for none), version, state,
-- time to keep it in ms, now in us, account ('' without an archive), number of commands, and of each its key, what is
-- remembered of it and when it was applied in us; then of each device its id and what is known of it.
local there = redis.call('HMGET', KEYS[1], 'run', 'version')
if there[1] == ARGV[1] or (there[2] or '') ~= ARGV[2] then
  return 0
end
redis.call('HSET', KEYS[1], 'run', ARGV[1], 'version', ARGV[3], 'state', ARGV[4])
local devices = 9 + 3 * tonumber(ARGV[8])
for n = 9, devices - 1, 3 do
  if redis.call('HSETNX', KEYS[2], ARGV[n], ARGV[n + 1]) == 1 then
    redis.call('ZADD', KEYS[3], ARGV[n + 2], ARGV[n])
  end
end
for n = devices, #ARGV, 2 do
  redis.call('HSETNX', KEYS[4], ARGV[n], ARGV[n + 1])
end
redis.call('PEXPIRE', KEYS[1], ARGV[5])
redis.call('PEXPIRE', KEYS[4], ARGV[5])
-- An hour: longer than any of them counts.
redis.call('PEXPIRE', KEYS[2], 3600000)
redis.call('PEXPIRE', KEYS[3], 3600000)
if ARGV[7] ~= '' then
  redis.call('ZADD', KEYS[5], ARGV[6], ARGV[7])
end
return 1

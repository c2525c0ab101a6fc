-- A listener's connections at other processes that are alive.
-- KEYS: online, leases. ARGV: the lease of this process.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local found = redis.call('HGETALL', KEYS[1])
local is_alive, there = { [ARGV[1]] = false }, {}
for n = 1, #found, 2 do
  -- Behind the id of the connection and a colon.
  local lease = string.sub(found[n], 38)
  if is_alive[lease] == nil then
    local ends = redis.call('ZSCORE', KEYS[2], lease)
    is_alive[lease] = ends and tonumber(ends) > now
  end
  if is_alive[lease] then
    table.insert(there, found[n + 1])
  end
end
return there

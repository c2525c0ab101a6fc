-- What the archive has now: whoever has not changed since is no more to be written.
-- KEYS: dirty, and the state of each listener. ARGV: of each listener the account, when it had changed, and up to where
-- its commands were written ('' for nowhere).
for n = 2, #KEYS do
  local at = 3 * (n - 2)
  if tonumber(redis.call('ZSCORE', KEYS[1], ARGV[at + 1]) or -1) == tonumber(ARGV[at + 2]) then
    redis.call('ZREM', KEYS[1], ARGV[at + 1])
  end
  if ARGV[at + 3] ~= '' and redis.call('EXISTS', KEYS[n]) == 1 then
    redis.call('HSET', KEYS[n], 'saved', ARGV[at + 3])
  end
end
return 1

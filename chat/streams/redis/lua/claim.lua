-- Up to `count` runs: those whose lease has ended, or only those that were released. Not after its time: what a process
-- sent to a Redis that stood still must claim nothing for a process that does not wait for it any more.
local expired, count, lease, ttl = ARGV[1] == '1', ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local now, not_after = now_ms(), tonumber(ARGV[5])
local claims = {}
if now > not_after then
  return {integer(now), claims}
end
insist()
for _, run in ipairs(redis.call('ZRANGEBYSCORE', leases_key(), 0, expired and now or 0, 'LIMIT', 0, count)) do
  local held = info(run)
  if not held or held[STATE] ~= 'live' then
    redis.call('ZREM', leases_key(), run)
  else
    local fields = redis.call('HMGET', run_key(run), 'token', 'stop', 'completion', 'server')
    -- Released, it has no token: that was a handover.
    local failures = redis.call('HINCRBY', run_key(run), 'failures', fields[1] == '0' and 0 or 1)
    local token = integer(math.max(now_us(), tonumber(fields[1]) + 1))
    local attempt = redis.call('HINCRBY', run_key(run), 'attempt', 1)
    redis.call('HSET', run_key(run), 'token', token)
    if fields[4] ~= server() then
      -- Its last entries may be gone although they were read: no cursor into them is good any more.
      held[EPOCH] = string.sub(redis.sha1hex(run .. token), 1, 8)
      redis.call('HSET', run_key(run), 'epoch', held[EPOCH], 'server', server())
    end
    hold(run, held[2], held[3], held[4], held[10], lease, ttl)
    claims[#claims + 1] = {token, integer(attempt), integer(failures), fields[2], fields[3], held}
  end
end
return {integer(now), claims}

-- Claims up to `count` runs whose lease has expired or, if `expired` is false, only released ones. Does nothing after
-- `not_after`: if Redis stalls, a late call must not claim runs for a process that no longer waits for the reply.
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
    local fields = redis.call('HMGET', run_key(run), 'token', 'stop', 'completion', 'server', 'checkpoint')
    -- Token 0: the run was released, so this is a handover and not a failure.
    local failures = redis.call('HINCRBY', run_key(run), 'failures', fields[1] == '0' and 0 or 1)
    local token = integer(math.max(now_us(), tonumber(fields[1]) + 1))
    local attempt = redis.call('HINCRBY', run_key(run), 'attempt', 1)
    redis.call('HSET', run_key(run), 'token', token)
    if fields[4] ~= server() then
      -- The last entries may be lost although they have been read, so cursors into them are no longer valid.
      held[EPOCH] = string.sub(redis.sha1hex(run .. token), 1, 8)
      redis.call('HSET', run_key(run), 'epoch', held[EPOCH], 'server', server())
    end
    hold(run, held[2], held[3], held[4], held[10], lease, ttl)
    claims[#claims + 1] = {token, integer(attempt), integer(failures), fields[2], fields[3], held, fields[5]}
  end
end
return {integer(now), claims}

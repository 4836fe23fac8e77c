-- Clears the token, so that late calls of the old owner are fenced.
local run, token, failures = unpack(ARGV)
local owner_token, state = unpack(redis.call('HMGET', run_key(run), 'token', 'state'))
if owner_token ~= token or state ~= 'live' then
  return 0
end
insist()
redis.call('HSET', run_key(run), 'token', 0)
redis.call('HINCRBY', run_key(run), 'failures', failures)
redis.call('ZADD', leases_key(), 0, run)
return 1

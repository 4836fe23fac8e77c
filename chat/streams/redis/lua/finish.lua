local run, token, completion = unpack(ARGV)
local owner_token, state = unpack(redis.call('HMGET', run_key(run), 'token', 'state'))
if not owner_token then
  return LOST
end
if owner_token ~= token or state ~= 'live' then
  return FENCED
end
insist()
redis.call('HSET', run_key(run), 'completion', completion)
return 0

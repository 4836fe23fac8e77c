-- Returns 1 if a stop was requested.
local run, token, lease, ttl = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local fields = redis.call('HMGET', run_key(run), 'token', 'state', 'stop', 'owner', 'conversation', 'sent', 'made')
local owner_token, state, stop, owner, conversation, sent, made = unpack(fields, 1, 7)
if not owner_token then
  return LOST
end
if owner_token ~= token or state ~= 'live' then
  return FENCED
end
insist()
hold(run, owner, conversation, sent, made, lease, ttl)
return tonumber(stop)

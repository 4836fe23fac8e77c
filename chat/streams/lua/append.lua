-- All of the entries or none, once: a call that is made again finds its entries there. Answers whether to stop.
local run, token, first = ARGV[1], ARGV[2], tonumber(ARGV[3])
local lease, state, keep = tonumber(ARGV[4]), ARGV[5], ARGV[6]
local FIRST_ENTRY = 7

local fields = redis.call('HMGET', run_key(run),
  'token', 'seq', 'state', 'epoch', 'stop', 'owner', 'conversation', 'sent')
local owner_token, seq, was, epoch, stop, owner, conversation, sent = unpack(fields, 1, 8)
if not owner_token then
  return LOST
end
if owner_token ~= token then
  return FENCED
end
local last = first + #ARGV - FIRST_ENTRY
if last <= tonumber(seq) then
  return tonumber(stop)
end
if was ~= 'live' then
  return FENCED
end
if first ~= tonumber(seq) + 1 then
  -- This Redis knows less than another has acknowledged.
  return LOST
end
write(run, first, FIRST_ENTRY)
redis.call('HSET', run_key(run), 'seq', last)
if state == 'live' then
  redis.call('ZADD', leases_key(), 'XX', now_ms() + lease, run)
else
  let_go(run, owner, conversation, sent, state, keep)
end
publish(run, epoch, ARGV[3], FIRST_ENTRY)
return tonumber(stop)

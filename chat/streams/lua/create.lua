local run, owner, conversation, sent, fingerprint, title, epoch = unpack(ARGV, 1, 7)
local live_limit, lease, ttl = tonumber(ARGV[8]), tonumber(ARGV[9]), tonumber(ARGV[10])
local per_minute, minute = tonumber(ARGV[11]), tonumber(ARGV[12])
local FIRST_ENTRY = 13

local known = redis.call('GET', sent_key(owner, sent))
local twin = known and info(known)
if twin then
  -- The same call again, whose reply was lost: unless somebody has taken the run over in the meantime.
  local token, attempt = unpack(redis.call('HMGET', run_key(known), 'token', 'attempt'))
  if known == run and attempt == '1' then
    return {'created', token, twin}
  end
  return {'duplicate', '', twin}
end

local holder = redis.call('GET', slot_key(conversation))
local held = holder and info(holder)
if held and held[STATE] == 'live' then
  return {'busy', '', held}
end

local live = 0
for _, other in ipairs(redis.call('SMEMBERS', live_key(owner))) do
  local until_ms = redis.call('ZSCORE', leases_key(), other)
  if redis.call('EXISTS', run_key(other)) == 0 then
    redis.call('SREM', live_key(owner), other)
  elseif until_ms and tonumber(until_ms) > now_ms() then
    live = live + 1
  end
end
if live >= live_limit then
  return {'too_many', integer(live), {}}
end

redis.call('ZREMRANGEBYSCORE', sends_key(owner), '-inf', now_ms() - minute)
if redis.call('ZCARD', sends_key(owner)) >= per_minute then
  local oldest = redis.call('ZRANGE', sends_key(owner), 0, 0, 'WITHSCORES')[2]
  return {'too_fast', integer(oldest and oldest + minute - now_ms() or minute), {}}
end
redis.call('ZADD', sends_key(owner), now_ms(), run)
redis.call('PEXPIRE', sends_key(owner), minute)

-- A time is a token that no earlier owner has had, even if Redis has forgotten them.
local made = integer(now_us())
redis.call('DEL', log_key(run), slot_key(conversation))
redis.call('HSET', run_key(run), 'run', run, 'owner', owner, 'conversation', conversation, 'sent', sent,
  'fingerprint', fingerprint, 'title', title, 'state', 'live', 'epoch', epoch, 'seq', #ARGV - FIRST_ENTRY + 1,
  'made', made, 'token', made, 'attempt', 1, 'failures', 0, 'stop', 0, 'completion', '', 'server', server())
write(run, 1, FIRST_ENTRY)
hold(run, owner, conversation, sent, made, lease, ttl)
return {'created', made, info(run)}

local run, owner, conversation, sent, fingerprint, title, epoch = unpack(ARGV, 1, 7)
local live_limit, lease, ttl = tonumber(ARGV[8]), tonumber(ARGV[9]), tonumber(ARGV[10])
local per_minute, minute = tonumber(ARGV[11]), tonumber(ARGV[12])
local live_limit_of_all, per_minute_of_all = tonumber(ARGV[13]), tonumber(ARGV[14])
local FIRST_ENTRY = 15

local known = redis.call('GET', sent_key(owner, sent))
local twin = known and info(known)
if twin then
  -- A retry of this call after its reply was lost, unless another process has taken the run over since.
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

live = redis.call('ZCOUNT', leases_key(), now_ms(), '+inf')
if live >= live_limit_of_all then
  return {'too_many_of_all', integer(live), {}}
end

-- Milliseconds until another run is allowed; nil if one is allowed now.
local function wait_for(sends, limit)
  redis.call('ZREMRANGEBYSCORE', sends, '-inf', now_ms() - minute)
  if redis.call('ZCARD', sends) >= limit then
    local oldest = redis.call('ZRANGE', sends, 0, 0, 'WITHSCORES')[2]
    return integer(oldest and oldest + minute - now_ms() or minute)
  end
end

local wait = wait_for(sends_key(owner), per_minute)
if wait then
  return {'too_fast', wait, {}}
end
wait = wait_for(rate_key(), per_minute_of_all)
if wait then
  return {'too_fast_of_all', wait, {}}
end

local bytes = RUN_BYTES + size_of(FIRST_ENTRY)
local room = bytes + ROOM_BYTES
local none = ended_runs().make_room(run, owner, bytes, room)
if none then
  return {'no_room', none, {}}
end

for _, sends in ipairs({sends_key(owner), rate_key()}) do
  redis.call('ZADD', sends, now_ms(), run)
  redis.call('PEXPIRE', sends, minute)
end

-- The time is a token that no earlier owner had, even if Redis has lost them.
local made = integer(now_us())
redis.call('DEL', log_key(run), slot_key(conversation))
redis.call('HSET', run_key(run), 'run', run, 'owner', owner, 'conversation', conversation, 'sent', sent,
  'fingerprint', fingerprint, 'title', title, 'state', 'live', 'epoch', epoch, 'seq', #ARGV - FIRST_ENTRY + 1,
  'made', made, 'token', made, 'attempt', 1, 'failures', 0, 'stop', 0, 'completion', '', 'server', server(),
  'bytes', bytes, 'room', room)
write(run, 1, FIRST_ENTRY)
hold(run, owner, conversation, sent, made, lease, ttl)
return {'created', made, info(run)}

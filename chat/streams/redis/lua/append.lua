-- Appends all of the entries or none. Idempotent: a repeated call finds its entries. Returns 1 if a stop was requested.
-- A live run may use all the room it has reserved, even if Redis is out of memory. Its terminal event always fits.
local run, token, first = ARGV[1], ARGV[2], tonumber(ARGV[3])
local lease, state, keep = tonumber(ARGV[4]), ARGV[5], ARGV[6]
local FIRST_ENTRY = 7

local fields = redis.call('HMGET', run_key(run),
  'token', 'seq', 'state', 'epoch', 'stop', 'owner', 'conversation', 'sent', 'bytes', 'room')
local owner_token, seq, was, epoch, stop, owner, conversation, sent, bytes, room = unpack(fields, 1, 10)
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
  -- This Redis has lost entries that were acknowledged.
  return LOST
end
local added = size_of(FIRST_ENTRY)
bytes = (tonumber(bytes) or 0) + added
if state ~= 'live' then
  insist()
  bytes = bytes - checkpoint_size(run)
  redis.call('HDEL', run_key(run), 'checkpoint')
elseif bytes > (tonumber(room) or 0) then
  room = bytes + ROOM_BYTES
  if ended_runs().make_room(run, owner, bytes, room) then
    return NO_ROOM
  end
end
local wrote = redis.pcall('XADD', log_key(run), string.format('%d-0', first), 'e', ARGV[FIRST_ENTRY])
if type(wrote) == 'table' then
  if not string.find(wrote.err, 'OOM', 1, true) then
    return wrote
  end
  insist()
  ended_runs().relieve(added)
  write(run, first, FIRST_ENTRY)
else
  write(run, first + 1, FIRST_ENTRY + 1)
end
redis.call('HSET', run_key(run), 'seq', last, 'bytes', bytes, 'room', room)
if state == 'live' then
  redis.call('ZADD', leases_key(), 'XX', now_ms() + lease, run)
else
  let_go(run, owner, conversation, sent, state, keep, bytes)
end
publish(run, epoch, ARGV[3], FIRST_ENTRY)
return tonumber(stop)

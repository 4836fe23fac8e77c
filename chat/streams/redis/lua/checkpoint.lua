-- Replaces what a takeover goes on from. It takes room like entries do; without room, the former one stays.
local run, token, checkpoint = unpack(ARGV)
local fields = redis.call('HMGET', run_key(run), 'token', 'state', 'owner', 'bytes', 'room')
local owner_token, state, owner, bytes, room = unpack(fields, 1, 5)
if not owner_token then
  return LOST
end
if owner_token ~= token or state ~= 'live' then
  return FENCED
end
bytes, room = (tonumber(bytes) or 0) - checkpoint_size(run) + #checkpoint, tonumber(room) or 0
if bytes > room then
  room = bytes + ROOM_BYTES
  if ended_runs().make_room(run, owner, bytes, room) then
    return NO_ROOM
  end
end
insist()
redis.call('HSET', run_key(run), 'checkpoint', checkpoint, 'bytes', bytes, 'room', room)
return 0

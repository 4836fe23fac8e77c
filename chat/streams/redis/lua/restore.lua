-- Restores a run that Redis has lost, wholly or in part, from its owner's copy: the same entries under a new epoch.
local run, owner, conversation, sent, fingerprint, title, state, epoch, made = unpack(ARGV, 1, 9)
local token, attempt, failures, stop, completion, checkpoint = unpack(ARGV, 10, 15)
local lease, ttl, keep = tonumber(ARGV[16]), tonumber(ARGV[17]), ARGV[18]
local FIRST_ENTRY = 19

local was_token, was_epoch, was_state = unpack(redis.call('HMGET', run_key(run), 'token', 'epoch', 'state'))
if was_epoch == epoch then
  return 0
end
if was_token and (was_token ~= token or was_state ~= 'live') then
  return FENCED
end
local known = redis.call('GET', sent_key(owner, sent))
if known and known ~= run and redis.call('EXISTS', run_key(known)) == 1 then
  -- The message was sent again while this run was lost: the new run answers it.
  return LOST
end
if state ~= 'live' then
  checkpoint = ''
end
local bytes = RUN_BYTES + size_of(FIRST_ENTRY) + #checkpoint
redis.call('DEL', log_key(run))
redis.call('HSET', run_key(run), 'run', run, 'owner', owner, 'conversation', conversation, 'sent', sent,
  'fingerprint', fingerprint, 'title', title, 'state', 'live', 'epoch', epoch, 'seq', #ARGV - FIRST_ENTRY + 1,
  'made', made, 'token', token, 'attempt', attempt, 'failures', failures, 'stop', stop, 'completion', completion,
  'checkpoint', checkpoint,
  'server', server(), 'bytes', bytes, 'room', bytes + ROOM_BYTES)
write(run, 1, FIRST_ENTRY)
hold(run, owner, conversation, sent, made, lease, ttl)
if state ~= 'live' then
  let_go(run, owner, conversation, sent, state, keep, bytes)
end
publish(run, epoch, 1, FIRST_ENTRY)
return 0

local run = ARGV[1]
local state, stop = unpack(redis.call('HMGET', run_key(run), 'state', 'stop'))
if not state then
  return LOST
end
if state ~= 'live' or stop == '1' then
  return 0
end
insist()
redis.call('HSET', run_key(run), 'stop', 1)
redis.call('PUBLISH', control_key(), 'stop ' .. run)
return 1

-- Returns how many processes follow the run, after removing `leaving`.
local run, leaving = unpack(ARGV)
if leaving ~= '' then
  redis.call('ZREM', followers_key(run), leaving)
end
if redis.call('EXISTS', run_key(run)) == 0 then
  return LOST
end
return redis.call('ZCOUNT', followers_key(run), now_ms(), '+inf')

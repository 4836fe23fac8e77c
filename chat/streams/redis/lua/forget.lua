local run = ARGV[1]
local held = info(run)
if held and held[STATE] ~= 'live' then
  local bytes = tonumber(redis.call('HGET', run_key(run), 'bytes')) or 0
  local ended = ended_runs()
  ended.drop_log(ended.kept_key(held[STATE]), ended.kept(run, held[2], bytes))
  redis.call('DEL', run_key(run), log_key(run), followers_key(run))
  if redis.call('GET', sent_key(held[2], held[4])) == run then
    redis.call('DEL', sent_key(held[2], held[4]))
  end
  redis.call('ZREM', runs_key(held[2]), run)
end
return 0

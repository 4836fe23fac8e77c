local owner = ARGV[1]
local runs = {}
for _, run in ipairs(redis.call('ZRANGE', runs_key(owner), 0, -1)) do
  local found = info(run)
  if found then
    runs[#runs + 1] = found
  else
    redis.call('ZREM', runs_key(owner), run)
  end
end
return runs

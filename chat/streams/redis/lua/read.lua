-- Returns the position of a run's log and its entries after `seq` in this epoch: at least one, then up to `limit` bytes.
-- An empty epoch means the current one. With a limit of 0, returns only the position. Registers `process` as a follower
-- for `following` milliseconds.
local run, epoch, seq, limit = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local process, following = ARGV[5], tonumber(ARGV[6])
local COUNT = 64

local fields = redis.call('HMGET', run_key(run), 'epoch', 'seq', 'state', 'attempt')
if not fields[1] then
  return false
end
if process ~= '' then
  insist()
  redis.call('ZADD', followers_key(run), now_ms() + following, process)
  redis.call('PEXPIRE', followers_key(run), following)
end
local last = tonumber(fields[2])
local entries, size = {}, 0
if epoch == '' or epoch == fields[1] then
  while seq < last and size < limit do
    local found = redis.call('XRANGE', log_key(run), string.format('%d-0', seq + 1), '+', 'COUNT', COUNT)
    if #found == 0 or found[1][1] ~= string.format('%d-0', seq + 1) then
      return false
    end
    for _, entry in ipairs(found) do
      size = size + #entry[2][2]
      if #entries > 0 and size > limit then
        break
      end
      entries[#entries + 1] = entry[2][2]
      seq = seq + 1
    end
  end
end
return {fields[1], fields[2], fields[3], fields[4], '[' .. table.concat(entries, ',') .. ']'}

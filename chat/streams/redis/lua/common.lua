-- Prepended to every script. The functions <kind>_key come from keys.py, the constants from log.py.
--
-- A run's hash: run, owner, conversation, sent, fingerprint, title: as requested; state: live, completed, stopped or
-- error; epoch; seq: of the last entry; made: creation time in microseconds; token: the owner's fencing token; attempt:
-- number of owners; failures: number of owners that were lost or failed; stop: 1 if a stop was requested; completion:
-- JSON, set when the text is complete; checkpoint: JSON, what a takeover goes on from, while the run is live; server: the Redis in which the epoch began; bytes: current size; room: reserved
-- size; dropped: 1 if the log was dropped to make room.

local FIELDS = {'run', 'owner', 'conversation', 'sent', 'fingerprint', 'title', 'state', 'epoch', 'seq', 'made', 'dropped'}
local STATE, EPOCH, SEQ = 7, 8, 9

-- Error codes. Other results are 0 or greater.
local LOST, FENCED, NO_ROOM = -1, -2, -3

-- Redis's own clock, so that machines with different clocks agree on when a lease expires.
local function now_us()
  local time = redis.call('TIME')
  return time[1] * 1000000 + time[2]
end

local function now_ms()
  return math.floor(now_us() / 1000)
end

local function integer(number)
  return string.format('%.0f', number)
end

-- Changes when Redis restarts or is replaced: it may then have lost acknowledged data.
local function server()
  return string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
end

local function info(run)
  local fields = redis.call('HMGET', run_key(run), unpack(FIELDS))
  return fields[1] and fields
end

-- Out of memory, Redis rejects a script's first write unless it needs no memory, and then accepts all others. This is
-- such a write, with no effect: for small writes that must succeed, such as ends, stops, leases and readers' positions.
local function insist()
  redis.call('DEL', ready_key(''))
end

-- Approximate size of entries in Redis, never less than Redis reports (tests/streams/redis/test_memory.py).
local function size_of(from)
  local size = 0
  for index = from, #ARGV do
    size = size + #ARGV[index]
  end
  return math.floor(size * 1.375) + ENTRY_BYTES * (#ARGV - from + 1)
end

local function checkpoint_size(run)
  return redis.call('HSTRLEN', run_key(run), 'checkpoint')
end

local function write(run, first, from)
  for index = from, #ARGV do
    redis.call('XADD', log_key(run), string.format('%d-0', first + index - from), 'e', ARGV[index])
  end
end

local function publish(run, epoch, first, from)
  local entries = table.concat(ARGV, ',', from)
  redis.call('PUBLISH', events_key(run), epoch .. ' ' .. first .. ' [' .. entries .. ']')
end

-- Extends the lease of a live run and the TTLs of its keys.
local function hold(run, owner, conversation, sent, made, lease, ttl)
  redis.call('ZADD', leases_key(), now_ms() + lease, run)
  redis.call('SET', slot_key(conversation), run, 'NX')
  if redis.call('GET', slot_key(conversation)) == run then
    redis.call('PEXPIRE', slot_key(conversation), ttl)
  end
  redis.call('SET', sent_key(owner, sent), run, 'PX', ttl)
  redis.call('SADD', live_key(owner), run)
  redis.call('ZADD', runs_key(owner), made, run)
  redis.call('PEXPIRE', run_key(run), ttl)
  redis.call('PEXPIRE', log_key(run), ttl)
  -- Twice as long: these keys are shared by several runs, and one may be kept for another ttl.
  redis.call('PEXPIRE', leases_key(), 2 * ttl)
  redis.call('PEXPIRE', live_key(owner), 2 * ttl)
  redis.call('PEXPIRE', runs_key(owner), 2 * ttl)
end

-- Functions for the logs of ended runs. Created only when needed: every call runs the whole script, and creating
-- functions takes time.
local function ended_runs()
  local function count_ended(owner, bytes)
    redis.call('HINCRBY', ended_key(), 'all', bytes)
    if redis.call('HINCRBY', ended_key(), owner, bytes) <= 0 then
      redis.call('HDEL', ended_key(), owner)
    end
  end

  local function kept_key(state)
    return state == 'error' and failed_key() or saved_key()
  end

  local function kept(run, owner, bytes)
    return string.format('%s %s %d', run, owner, bytes)
  end

  -- Drops the log of an ended run and returns its bytes; 0 if it has none. The run itself stays known, so that a repeated
  -- send still finds it.
  local function drop_log(key, member)
    if redis.call('ZREM', key, member) == 0 then
      return 0
    end
    local run, owner, bytes = string.match(member, '^(%S+) (%S+) (%d+)$')
    redis.call('DEL', log_key(run), followers_key(run))
    count_ended(owner, -bytes)
    if redis.call('EXISTS', run_key(run)) == 1 then
      redis.call('HSET', run_key(run), 'dropped', 1)
    end
    return tonumber(bytes)
  end

  -- Drops the oldest logs first, and failed runs last, as they are stored nowhere else. Returns the bytes still over.
  local function drop_oldest(over)
    for _, key in ipairs({saved_key(), failed_key()}) do
      while over > 0 do
        local oldest = redis.call('ZRANGE', key, 0, 0)[1]
        if not oldest then
          break
        end
        over = over - drop_log(key, oldest)
      end
    end
    return over
  end

  local function drop_oldest_of(owner, over)
    local runs = redis.call('ZRANGE', runs_key(owner), 0, -1)
    for _, failed in ipairs({false, true}) do
      for _, run in ipairs(runs) do
        if over <= 0 then
          return
        end
        local state, bytes = unpack(redis.call('HMGET', run_key(run), 'state', 'bytes'))
        if state and state ~= 'live' and (state == 'error') == failed then
          over = over - drop_log(kept_key(state), kept(run, owner, tonumber(bytes) or 0))
        end
      end
    end
  end

  -- Bytes over Redis's memory limit after writing `wanted` more; at most 0 if it is not. 0 if Redis evicts keys itself.
  local function over_memory(wanted)
    local memory = redis.call('INFO', 'memory')
    local limit = tonumber(string.match(memory, 'maxmemory:(%d+)'))
    if limit == 0 or not string.find(memory, 'maxmemory_policy:noeviction', 1, true) then
      return 0
    end
    return tonumber(string.match(memory, 'used_memory:(%d+)')) + wanted - limit
  end

  -- Drops logs of ended runs until Redis has memory for `wanted` bytes. Returns whether it has.
  local function relieve(wanted)
    local over = over_memory(wanted)
    while over > 0 do
      local nothing_left = drop_oldest(over) > 0
      over = over_memory(wanted)
      if nothing_left then
        break
      end
    end
    return over <= 0
  end

  -- Reserves `room` for a live run that has `bytes`, dropping logs of ended runs. Returns nil, or whose live runs leave
  -- no room: 'own' or 'all'. Every live run counts with all the room it has reserved.
  local function make_room(run, owner, bytes, room)
    local all, own, unwritten = room, room, room - bytes
    for _, other in ipairs(redis.call('ZRANGE', leases_key(), 0, -1)) do
      local fields = other ~= run and redis.call('HMGET', run_key(other), 'owner', 'bytes', 'room')
      if fields and fields[1] then
        local written = tonumber(fields[2]) or 0
        local given = math.max(tonumber(fields[3]) or 0, written)
        all = all + given
        unwritten = unwritten + given - written
        if fields[1] == owner then
          own = own + given
        end
      end
    end
    if own > OWNER_BYTES then
      return 'own'
    end
    if all > TOTAL_BYTES then
      return 'all'
    end
    for _, key in ipairs({saved_key(), failed_key()}) do
      for _, member in ipairs(redis.call('ZRANGEBYSCORE', key, '-inf', now_ms())) do
        drop_log(key, member)
      end
    end
    local ended = redis.call('HMGET', ended_key(), 'all', owner)
    if over_memory(unwritten) > (tonumber(ended[1]) or 0) then
      return 'all'
    end
    drop_oldest_of(owner, own + (tonumber(ended[2]) or 0) - OWNER_BYTES)
    drop_oldest(all + (tonumber(redis.call('HGET', ended_key(), 'all')) or 0) - TOTAL_BYTES)
    return not relieve(unwritten) and 'all' or nil
  end

  return {count = count_ended, kept_key = kept_key, kept = kept, drop_log = drop_log, relieve = relieve,
    make_room = make_room}
end

-- Ends a run. Its log is kept for `keep` milliseconds, or until its room is needed.
local function let_go(run, owner, conversation, sent, state, keep, bytes)
  local ended = ended_runs()
  redis.call('ZADD', ended.kept_key(state), now_ms() + keep, ended.kept(run, owner, bytes))
  ended.count(owner, bytes)
  for _, key in ipairs({saved_key(), failed_key(), ended_key()}) do
    redis.call('PEXPIRE', key, KEPT_MS)
  end
  redis.call('HSET', run_key(run), 'state', state)
  if redis.call('GET', slot_key(conversation)) == run then
    redis.call('DEL', slot_key(conversation))
  end
  redis.call('SREM', live_key(owner), run)
  redis.call('ZREM', leases_key(), run)
  redis.call('PEXPIRE', run_key(run), keep)
  redis.call('PEXPIRE', log_key(run), keep)
  redis.call('PEXPIRE', sent_key(owner, sent), keep)
end

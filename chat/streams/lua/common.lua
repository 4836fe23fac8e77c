-- Before every script. The functions <kind>_key come from keys.py.
--
-- A run's hash: run, owner, conversation, sent, fingerprint, title: as it was asked for; state: live, completed, stopped or
-- error; epoch; seq: of its last entry; made: when, in microseconds; token: its owner's; attempt: how many have owned it;
-- failures: how many of them were lost with it, or failed at it; stop: 1 once it was asked to stop; completion: JSON, once its text is complete; server: the Redis that the epoch began in.

local FIELDS = {'run', 'owner', 'conversation', 'sent', 'fingerprint', 'title', 'state', 'epoch', 'seq', 'made'}
local STATE, EPOCH, SEQ = 7, 8, 9

-- What a script answers in place of a number from 0.
local LOST, FENCED = -1, -2

-- Redis' own clock: processes on machines whose clocks differ agree on when a lease has ended.
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

-- Changes when Redis is started again, or another one takes its place: it may then know less than it has acknowledged.
local function server()
  return string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
end

local function info(run)
  local fields = redis.call('HMGET', run_key(run), unpack(FIELDS))
  return fields[1] and fields
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

-- Holds a live run for its owner, and keeps all that belongs to it.
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
  -- Twice: these are of several runs, and one of them may be kept for as long again.
  redis.call('PEXPIRE', leases_key(), 2 * ttl)
  redis.call('PEXPIRE', live_key(owner), 2 * ttl)
  redis.call('PEXPIRE', runs_key(owner), 2 * ttl)
end

-- Lets a run go that has ended; its log is kept for `keep` milliseconds.
local function let_go(run, owner, conversation, sent, state, keep)
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

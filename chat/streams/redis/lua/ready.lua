-- Tests whether Redis accepts writes: returns nil, or its error. One key per process, which expires.
local process, ttl = unpack(ARGV)
local answer = redis.pcall('SET', ready_key(process), 1, 'PX', ttl)
return answer.err

-- Whether Redis takes writes: nil, or what it says instead. A key that ends by itself, one for each process.
local process, ttl = unpack(ARGV)
local answer = redis.pcall('SET', ready_key(process), 1, 'PX', ttl)
return answer.err

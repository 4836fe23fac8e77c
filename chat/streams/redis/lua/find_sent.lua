local run = redis.call('GET', sent_key(ARGV[1], ARGV[2]))
return run and info(run)

return info(ARGV[1])

"""What the Redis engine and the publisher share: keys, scripts, addresses, connections."""

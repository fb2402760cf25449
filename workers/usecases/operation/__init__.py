"""What an operator watches and mends: status, schema, clock, keys, what was passed over."""

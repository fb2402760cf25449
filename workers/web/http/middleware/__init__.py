"""What stands before every page: limits of connections, bodies and rates; cookies, headers, compression."""

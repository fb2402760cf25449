"""A table tried: on cases, on the past, beside the one in use."""

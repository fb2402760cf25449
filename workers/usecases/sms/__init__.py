"""SMS: what leaves by a carrier, and what comes back from it."""

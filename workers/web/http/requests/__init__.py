"""A request: who asks, with what parameters and forms, and the parts that its page works with."""

"""What the journey plan hears of events: the inputs that they give, and with which somebody becomes a customer."""

OF_EVENTS = frozenset({"event", "first", "delivery_expected", "months", "on"})
"""The inputs of the journey plan that an event gives; all others are about the customer."""
STARTS = frozenset({"purchase", "deal_won", "customer_started"})
"""Events with which somebody becomes a customer: the first of them begins the tenure."""

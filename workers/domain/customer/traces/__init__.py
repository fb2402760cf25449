"""Traces: whether bytes that nobody could sort name a person, however they are written.

Pure. Nothing here knows which bytes are kept, or what becomes of them.
"""

from workers.domain.customer.traces.addresses import canonical_address, held_address
from workers.domain.customer.traces.people import Person, Traces
from workers.domain.customer.traces.pieces import KEEP, pieces
from workers.domain.customer.traces.readings import readings

__all__ = ["KEEP", "Person", "Traces", "canonical_address", "held_address", "pieces", "readings"]

"""The stream processors: one Faust app, one file for each topic, and what guards them."""

from workers.streams.app import group_of, make_app, start_app
from workers.streams.batches import WRITERS, Batching
from workers.streams.journey_events import add_journey_events
from workers.streams.positions import Positions
from workers.streams.scores import add_scores
from workers.streams.ticket_updates import add_ticket_updates

PROCESSORS = (add_journey_events, add_scores, add_ticket_updates)
"""One for each topic that comes in; a new topic gets its line here."""

__all__ = ["PROCESSORS", "WRITERS", "Batching", "Positions", "group_of", "make_app", "start_app"]

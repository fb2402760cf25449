"""The names of an installation's topics.

Knows no broker: whoever only names a topic needs no client of Kafka's, which takes long to import.
"""

from collections.abc import Sequence
from enum import StrEnum

PARTITIONS = 12  # fixed: another count would send a customer's events to another partition, and break their order


class Topic(StrEnum):
    """The topics of the published interface, without the installation's prefix."""

    EVENTS = "boucle.events"
    SCORES = "boucle.scores"
    TICKET_UPDATES = "boucle.ticket-updates"
    SURVEY_REQUESTS = "boucle.survey-requests"
    RESPONSES = "boucle.responses"
    TICKETS = "boucle.tickets"
    TESTIMONIALS = "boucle.testimonials"


TOPICS_IN = (Topic.EVENTS, Topic.SCORES, Topic.TICKET_UPDATES)
TOPICS_OUT = (Topic.SURVEY_REQUESTS, Topic.RESPONSES, Topic.TICKETS, Topic.TESTIMONIALS)


def topic_names(prefix: str = "", topics: Sequence[Topic] = TOPICS_IN + TOPICS_OUT) -> list[str]:
    """Return topic names with a prefix put in front as it is, without a separator."""
    return [prefix + topic for topic in topics]

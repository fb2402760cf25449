"""Customers whom a site names and no event has: taken in as by an event, only where the site has it switched on."""

import json
from collections.abc import Callable
from datetime import datetime

from workers.domain.types import Ingress
from workers.domain.web_sites import Visitor, WebSite
from workers.store.ledger import Incoming
from workers.usecases.intake import Intake

CONTENT_TYPE = "application/cloudevents+json"


def take_in_newcomer(intake: Intake, site: WebSite, visitor: Visitor, now: Callable[[], datetime]) -> None:
    """Take in that there is a customer of this id, as the site's own server has signed; again it changes nothing."""
    event = {
        "specversion": "1.0",
        "id": f"visitor-{visitor.crm_id}",
        "source": f"site:{site.id}",
        "type": "boucle.customer.changed.v1",
        "subject": visitor.crm_id,
        "time": now().isoformat(),
        "data": {"customer": {"id": visitor.crm_id}},
    }
    intake.take([Incoming(json.dumps(event).encode(), {}, CONTENT_TYPE)], Ingress.INSIDE)

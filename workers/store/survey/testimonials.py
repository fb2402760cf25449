"""Testimonials that may be published. Reads only."""

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.domain.records import Testimonial
from workers.domain.types import TestimonialState
from workers.store import tables


def published_testimonials(connection: Connection, most: int) -> list[Testimonial]:
    """Return the testimonials that their authors have consented to, the newest first."""
    table = tables.testimonial
    query = sa.select(table).where(table.c.state == TestimonialState.CONSENTED)
    return [Testimonial(*row) for row in connection.execute(query.order_by(table.c.changed_at.desc()).limit(most))]

"""Some rows of each kind whose ids derive from the installation's key, for proving a key by them. Reads only."""

from collections.abc import Iterator
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from workers.store import tables


def sample_customers(connection: Connection, most: int) -> Iterator[tuple[str, str]]:
    """Give some customers as (id, the CRM's id)."""
    c = tables.customer.c
    query = sa.select(c.id, c.crm_id).where(c.crm_id.is_not(None)).order_by(c.id).limit(most)
    for id, crm_id in connection.execute(query):
        yield str(id), str(crm_id)


def sample_responses(connection: Connection, most: int) -> Iterator[tuple[str, str, datetime]]:
    """Give some answers to our own questions as (id, request, when it was asked)."""
    response, request = tables.response.c, tables.survey_request.c
    query = sa.select(response.id, request.id, request.asked_at).join_from(
        tables.response, tables.survey_request, request.id == response.request
    )
    for id, request_id, asked_at in connection.execute(query.limit(most)):
        yield str(id), str(request_id), asked_at


def sample_letters(connection: Connection, most: int) -> Iterator[tuple[str, str, str]]:
    """Give some dead letters as (id, topic or else door, digest)."""
    c = tables.dead_letter.c
    for id, topic, door, digest in connection.execute(sa.select(c.id, c.topic, c.door, c.digest).limit(most)):
        yield str(id), str(topic or door), str(digest)

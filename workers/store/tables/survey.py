"""What is asked and answered: journeys, touchpoints, requests, clicks, responses, testimonials, waves."""

import sqlalchemy as sa

from workers.domain import records
from workers.store.tables.columns import Document, Instant, Number, metadata, table, where

journey = table(records.Journey, sa.UniqueConstraint("customer", "trigger", "reference", name="journey_natural_key"))
touchpoint = table(
    records.Touchpoint,
    sa.Index("touchpoint_customer", "customer").ddl_if(dialect="postgresql"),  # SQLite: read.py, `theirs`
    sa.Index("touchpoint_waiting", "wake_at", "state", "step", **where("state IN ('planned', 'held')")),
    sa.Index("touchpoint_held", "step", "reason", "detail", **where("state = 'held'")),
    sa.Index(
        "touchpoint_left_out", "changed_at", "step", "state", "reason", **where("state IN ('skipped', 'cancelled')")
    ),
    sa.Index("touchpoint_recovery", "state", "reason", **where("trigger = 'recovery'")),
)
wave = sa.Table(
    "wave",
    metadata,
    sa.Column("id", sa.Text(), primary_key=True),
    sa.Column("at", Instant(), nullable=False),
    sa.Column("cursor", sa.Text(), nullable=False),
    sa.Column("done_at", Instant(), nullable=True),
)
wave_share = sa.Table(
    "wave_share",
    metadata,
    sa.Column("wave", sa.Text(), primary_key=True),
    sa.Column("share", Number, primary_key=True, autoincrement=False),
    sa.Column("cursor", sa.Text(), nullable=False),
    sa.Column("done_at", Instant(), nullable=True),
)
survey_request = table(
    records.SurveyRequest,
    sa.UniqueConstraint("journey", "step", "customer", name="survey_request_touchpoint"),
    sa.Index("survey_request_customer", "customer"),
    sa.Index("survey_request_asked", "asked_at"),
    sa.Index("survey_request_recovery", "reference", "id", "question", **where("trigger = 'recovery'")),
    sa.Index("survey_request_rated", "question", "asked_at", **where("question IS NOT NULL")),
    sa.Index("survey_request_closes", "closes_at", **where("state IN ('open', 'answered')")),
)
wording = sa.Table(
    "wording",
    metadata,
    sa.Column("id", sa.Text(), primary_key=True),
    sa.Column("used_from", Instant(), primary_key=True),
    sa.Column("language", sa.Text(), nullable=False),
    sa.Column("texts", Document, nullable=False),
)
"""Wordings of the question: a row for each time that one was taken into use, with its texts."""
click = table(records.Click, sa.Index("click_request", "request"), sa.Index("click_customer", "customer"))
response = table(
    records.Response,
    sa.UniqueConstraint("source", "external_id", "customer", name="response_external"),
    sa.Index("response_request", "request", "customer", unique=True, **where("request IS NOT NULL")),
    sa.Index("response_customer", "customer"),
    sa.Index("response_settles", "settles_at", **where("state = 'settling'")),
    sa.Index("response_answered", "answered_at"),
    sa.Index("response_asked", "asked_at"),
    sa.Index("response_rated", "question", "asked_at", **where("question IS NOT NULL")),
)
response_revision = table(records.ResponseRevision, sa.Index("response_revision_customer", "customer"))
testimonial = table(
    records.Testimonial, sa.Index("testimonial_customer", "customer"), sa.Index("testimonial_response", "response")
)
consent = table(
    records.Consent, sa.Index("consent_testimonial", "testimonial"), sa.Index("consent_customer", "customer")
)

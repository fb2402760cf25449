"""The envelope: CloudEvents in and out. Bytes and headers to an event or its faults; our own messages to bytes.

Pure: no clock, no file, no network. The schemas and the map of a CRM's own types are given as values.
"""

from typing import TYPE_CHECKING

from workers import on_demand

if TYPE_CHECKING:
    from workers.cloudevents.batches import MAX_BATCH_EVENTS
    from workers.cloudevents.codec import MAX_BATCH_BYTES, MAX_BYTES, Codec
    from workers.cloudevents.events import (
        CarrierReport,
        CustomerData,
        Event,
        Fault,
        Kind,
        LeftOut,
        Refusal,
        Rejected,
        ScoreData,
        TicketChange,
        TicketUpdate,
    )
    from workers.cloudevents.mapping import EventMap
    from workers.cloudevents.outbound import (
        CHANGES_OF_A_TICKET,
        Occasion,
        OutboundMessage,
        RatingReceived,
        ResponseReceived,
        SurveyRequestCreated,
        TestimonialConsented,
        TestimonialWithdrawn,
        TicketChanged,
    )
    from workers.cloudevents.shapes import read_schemas
    from workers.cloudevents.unreadable import KEPT_BYTES, Unreadable

__all__ = [
    "CHANGES_OF_A_TICKET",
    "KEPT_BYTES",
    "MAX_BATCH_BYTES",
    "MAX_BATCH_EVENTS",
    "MAX_BYTES",
    "CarrierReport",
    "Codec",
    "CustomerData",
    "Event",
    "EventMap",
    "Fault",
    "Kind",
    "LeftOut",
    "Occasion",
    "OutboundMessage",
    "RatingReceived",
    "Refusal",
    "Rejected",
    "ResponseReceived",
    "ScoreData",
    "SurveyRequestCreated",
    "TestimonialConsented",
    "TestimonialWithdrawn",
    "TicketChange",
    "TicketChanged",
    "TicketUpdate",
    "Unreadable",
    "read_schemas",
]

PLACES = {
    "MAX_BATCH_EVENTS": "workers.cloudevents.batches",
    **dict.fromkeys(("MAX_BATCH_BYTES", "MAX_BYTES", "Codec"), "workers.cloudevents.codec"),
    **dict.fromkeys(
        (
            "CarrierReport",
            "CustomerData",
            "Event",
            "Fault",
            "Kind",
            "LeftOut",
            "Refusal",
            "Rejected",
            "ScoreData",
            "TicketChange",
            "TicketUpdate",
        ),
        "workers.cloudevents.events",
    ),
    "EventMap": "workers.cloudevents.mapping",
    **dict.fromkeys(
        (
            "CHANGES_OF_A_TICKET",
            "Occasion",
            "OutboundMessage",
            "RatingReceived",
            "ResponseReceived",
            "SurveyRequestCreated",
            "TestimonialConsented",
            "TestimonialWithdrawn",
            "TicketChanged",
        ),
        "workers.cloudevents.outbound",
    ),
    "read_schemas": "workers.cloudevents.shapes",
    **dict.fromkeys(("KEPT_BYTES", "Unreadable"), "workers.cloudevents.unreadable"),
}
__getattr__ = on_demand(__name__, PLACES)

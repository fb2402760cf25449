"""The rows that the core reads and writes, one frozen class per table; store/tables/ has the same modules in SQL.

Instants are timezone-aware UTC. `key()` is the primary key. Everything that belongs to one person carries `customer`,
our key and never the CRM's. Nothing here computes.
"""

from workers.domain.records.customers import AskedMailbox, Customer, FormerAddress, Stop, Suppression
from workers.domain.records.delivery import Dispatch
from workers.domain.records.followup import Action, Decision, History, Shadow, Ticket, TicketEntry
from workers.domain.records.intake import DeadLetter, Inbox
from workers.domain.records.places import PlaceAnswer
from workers.domain.records.row import Row
from workers.domain.records.sms import SmsDialogue, SmsMessage, SmsReply
from workers.domain.records.survey import (
    Click,
    Consent,
    Journey,
    Response,
    ResponseRevision,
    SurveyRequest,
    Testimonial,
    Touchpoint,
)

__all__ = [
    "Action",
    "AskedMailbox",
    "Click",
    "Consent",
    "Customer",
    "DeadLetter",
    "Decision",
    "Dispatch",
    "FormerAddress",
    "History",
    "Inbox",
    "Journey",
    "PlaceAnswer",
    "Response",
    "ResponseRevision",
    "Row",
    "Shadow",
    "SmsDialogue",
    "SmsMessage",
    "SmsReply",
    "Stop",
    "Suppression",
    "SurveyRequest",
    "Testimonial",
    "Ticket",
    "TicketEntry",
    "Touchpoint",
]

"""Explaining: rows become sentences, so that anybody sees what happened to one customer, and why something did not.

Values in, values out: the store loads the story, command line and pages show what is told here. Decides and changes
nothing.
"""

from workers.explaining.phrases import ENGLISH, PHRASES
from workers.explaining.story import ON, Outgoing, Sending, Story
from workers.explaining.telling import explain_customer, explain_event, explain_response, explain_unowned
from workers.explaining.text import as_text
from workers.explaining.words import LEADS, clause, day, lead, moment

__all__ = [
    "ENGLISH",
    "LEADS",
    "ON",
    "PHRASES",
    "Outgoing",
    "Sending",
    "Story",
    "as_text",
    "clause",
    "day",
    "explain_customer",
    "explain_event",
    "explain_response",
    "explain_unowned",
    "lead",
    "moment",
]

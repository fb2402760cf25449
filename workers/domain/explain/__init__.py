"""Explain: rows become sentences, so that anybody sees what happened to one customer, and why something did not.

Values in, values out: the store loads the story, command line and pages show what is told here. Decides and changes
nothing.
"""

from workers.domain.explain.answers import explain_customer, explain_event, explain_response, explain_unowned
from workers.domain.explain.phrases import ENGLISH, PHRASES
from workers.domain.explain.story import Story
from workers.domain.explain.text import as_text
from workers.domain.explain.view import Outlook, View
from workers.domain.explain.words import LEADS, clause, day, lead, moment

__all__ = [
    "ENGLISH",
    "LEADS",
    "PHRASES",
    "Outlook",
    "Story",
    "View",
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

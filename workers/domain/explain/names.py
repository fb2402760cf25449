"""What touchpoints, mails and next steps are called: ids are for tables and scripts, not for readers.

English stands here, for the command; other languages have the same names in their catalogs.
"""

from workers.domain.mail.translations import Catalog

NAMES = {
    "purchase-now": "right after a purchase",
    "delivery-now": "right after delivery",
    "delivery-6w": "six weeks after delivery",
    "milestone-3m": "three months with us",
    "milestone-6m": "six months with us",
    "milestone-12m": "one year with us",
    "loyal-2y": "two years with us",
    "interaction": "after a support call",
    "onboarding": "after the set-up",
    "feature": "after a new feature",
    "support": "after a solved request",
    "meeting": "after a meeting",
    "trial": "during a trial",
    "renewal": "when a contract is up for renewal",
    "wave": "survey of all customers",
    "recovery": "after a ticket",
    "thank_you": "thank-you",
    "testimonial_request": "request for a testimonial",
    "improvement_question": "question what could be better",
    "urgent_contact": "urgent call",
    "call_back": "call",
    "reopen_ticket": "ticket again",
    "public_review_request": "request for a review",
    "ack": "we will contact you",
    "ack-again": "taken up again",
    "ask-delivery": "question after a delivery",
    "ask-feature": "question about a new feature",
    "ask-in-use": "question six weeks on",
    "ask-interaction": "question after support",
    "ask-onboarding": "question after the set-up",
    "ask-purchase": "question after a purchase",
    "ask-recovery": "question whether it is solved",
    "ask-relationship": "question about us as a whole",
    "claim": "is this answer yours",
    "digest": "the week of somebody of the team",
    "done": "what was done",
    "done-account": "what was done, to somebody else of the account",
    "improve-more": "what could be better",
    "improve-now": "what could be better",
    "recovered": "thanks after a solved problem",
    "reminder": "reminder",
    "testimonial": "request for a testimonial",
    "thanks": "thanks",
    "thanks-call": "thanks, and a call",
    "thanks-heard": "thanks, it is noted",
    "thanks-testimonial": "thanks, and a request for a testimonial",
    "ticket": "ticket for the team",
    "ticket.opened": "ticket for the helpdesk",
    "tried": "we tried to call",
    "you-asked": "you asked, it is done",
}
"""By the ids that are shipped; an operator's own id is its name."""


def named(id: str) -> str:
    """Return what a touchpoint, a mail or a next step is called; an operator's own id as words."""
    return NAMES.get(id) or id.replace("_", " ")


KINDS = ("report.touchpoint.", "action.", "mail.name.", "trigger.")
"""Beginnings of the texts that name an id, in the order in which they are looked for."""


def listed_as(id: str, catalog: Catalog) -> str:
    """Return what a touchpoint, a next step, a mail or a trigger is called in a list, in the language of a catalog."""
    text_id = next((prefix + id for prefix in KINDS if prefix + id in catalog.ids), "")
    return catalog.text(text_id, {}) if text_id else named(id)


def name_in(id: str, catalog: Catalog) -> str:
    """Return what it is called in a sentence: in English as the command says it."""
    if id in NAMES and catalog.language.split("-")[0] == "en":
        return NAMES[id]
    return listed_as(id, catalog)


def word_in(prefix: str, id: str, catalog: Catalog) -> str:
    """Return the text that a catalog has for an id, in the middle of a sentence; else the id as words."""
    return inside(catalog.text(prefix + id, {}) if prefix + id in catalog.ids else id.replace("_", " "))


def inside(text: str) -> str:
    """Return a text as it stands in the middle of a sentence: without its capital, unless it is an abbreviation."""
    return text if text[1:2].isupper() else text[:1].lower() + text[1:]

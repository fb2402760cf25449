"""Which module has which verb, with its line in the help: so that a command imports its own module and no other.

A test holds every line against the verb's own docstring.
"""

from typing import NamedTuple


class Verb(NamedTuple):
    """Where a verb is defined, and what the list of verbs says of it."""

    module: str
    summary: str


VERBS: dict[str, Verb] = {
    "accounts": Verb("workers.cli.team.accounts", "Accounts: the companies that customers answer for."),
    "audit": Verb("workers.cli.operator.privacy", "List who did what: exports, erasures, retention, keys, pauses."),
    "books": Verb("workers.cli.operator.inquiry", "Show that the sums add up, or where they do not."),
    "bounces": Verb("workers.cli.operator.bounces", "Mails that came back."),
    "check": Verb(
        "workers.cli.operator.check",
        "Check everything and list all faults at once, and what keeps mail from customers.",
    ),
    "clock": Verb(
        "workers.cli.trial.clock", "Business time of a trial; a real installation runs on the machine's time."
    ),
    "counts": Verb(
        "workers.cli.operator.counts", "Running counts, which status, metrics and pages read instead of counting."
    ),
    "dead-letters": Verb("workers.cli.crm.events", "Events that could not be accepted: nothing is lost."),
    "demo": Verb(
        "workers.cli.trial.demo", "Generate a year of a lamp shop, drive it through the whole loop, and show it."
    ),
    "digest": Verb(
        "workers.cli.team.digest",
        "Send the weekly digests that are due, as a sender does on Mondays, or show what they would say.",
    ),
    "events": Verb("workers.cli.crm.events", "Events: publish to Kafka, import from CSV, see what they would plan."),
    "explain": Verb("workers.cli.operator.inquiry", "Say what happened, what is planned, what was not sent and why."),
    "export": Verb("workers.cli.operator.privacy", "Files for other tools."),
    "keys": Verb("workers.cli.operator.admin", "Keys for POST /v1/events and for signing."),
    "mail": Verb("workers.cli.operator.mails", "Mails by hand."),
    "migrate": Verb("workers.cli.operator.roles", "Bring the database to the schema of this release."),
    "partitions": Verb(
        "workers.cli.operator.partitions",
        "Scripts for psql that divide the tables by customer, once one table or one machine is not enough.",
    ),
    "pause": Verb("workers.cli.operator.mails", "Pause sending; what is due waits, nothing is lost."),
    "places": Verb(
        "workers.cli.team.places", "List the places at which anybody may answer, with their links and their answers."
    ),
    "privacy": Verb(
        "workers.cli.operator.privacy",
        "What a person may ask: everything that is kept about them, or to be forgotten.",
    ),
    "report": Verb(
        "workers.cli.operator.inquiry",
        "Show the NPS with n, interval and response rate; recovery surveys stand apart.",
    ),
    "resume": Verb("workers.cli.operator.mails", "Let sending go on; the first time, this switches it on."),
    "retention": Verb(
        "workers.cli.operator.privacy",
        "Delete what is older than its table keeps it. Run it once a day; it may be stopped at any time.",
    ),
    "rules": Verb("workers.cli.team.rules", "Check, explain and try out decision tables."),
    "run": Verb("workers.cli.operator.roles", "Run all roles in one process, embedded by default."),
    "send": Verb("workers.cli.operator.mails", "Wake what is due, hand over mails and webhooks, relay the outbox."),
    "services": Verb(
        "workers.cli.trial.services",
        "Real Kafka, PostgreSQL and a mail server on this machine, for trials; only in a checkout of the source.",
    ),
    "sms": Verb(
        "workers.cli.operator.sms", "SMS: the carrier, what the texts take, and replies that a person is to read."
    ),
    "status": Verb(
        "workers.cli.operator.inquiry",
        "Show on one screen: what is away, sending, what is due, how many of everything in each state, dead letters.",
    ),
    "stream": Verb("workers.cli.operator.roles", "Take events from Kafka (a Faust worker)."),
    "suppressions": Verb(
        "workers.cli.operator.suppressions",
        "Mailboxes that get no mail: opted out, bounced, dead, complained of, erased.",
    ),
    "tickets": Verb("workers.cli.team.tickets", "Contacts owed to customers."),
    "topics": Verb("workers.cli.operator.roles", "Kafka's topics."),
    "users": Verb("workers.cli.operator.people", "People who may sign in: agents, leads, marketing, operators."),
    "waves": Verb("workers.cli.team.waves", "Waves: the days on which all customers are asked."),
    "web": Verb("workers.cli.operator.roles", "Serve the pages and the HTTP doors."),
}
"""Every verb of `boucle`, in the order of the help."""

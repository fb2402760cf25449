"""Why something was not done, or not yet: the clauses of `phrases.py` for each reason and for what is behind it."""

REASONS = {
    "reason.no_address": "no mail address of the customer is known",
    "reason.no_address.then": "no mail address of the customer was known",
    "reason.no_number": "no telephone number of the customer is known that could exist",
    "reason.no_number.then": "no telephone number of the customer was known that could exist",
    "reason.nameless": "whoever answered at a place left no way to be reached",
    "reason.number_not_listed": "its number is not on the list of the trial",
    "reason.number_in_use": "another question is open on the same telephone number",
    "reason.opted_out": "the customer has opted out of these questions",
    "reason.suppressed": "mail to the customer's address is suppressed",
    "reason.suppressed.then": "mail to the customer's address was suppressed",
    "reason.erased": "the customer's data was erased",
    "reason.too_late": (
        "it would have come too late: it was due on {due_on} and given up after {gives_up}; it "
        "was held because {before}"
    ),
    "reason.too_late/2": "it would have come too late: it was due on {due_on} and given up after {gives_up}",
    "reason.too_late/3": "it would have come too late; it was held because {before}",
    "reason.too_late/4": "it would have come too late",
    "reason.resting": "the customer was asked on {asked} and rests until {until}",
    "reason.resting/2": "the customer was asked before and rests until {until}",
    "reason.resting/3": "the customer was asked before and rests",
    "reason.yearly_maximum": "the customer was asked as often as is allowed in a year and rests until {until}",
    "reason.yearly_maximum/2": "the customer was asked as often as is allowed in a year and rests",
    "reason.not_selected": "the plan asks other customers at this moment: of this one it knows {detail}",
    "reason.not_selected/2": "the plan asks other customers at this moment",
    "reason.not_sampled": "the plan asks {detail} of the customers at this moment, and this one was not drawn",
    "reason.not_sampled/2": "the plan asks a share of the customers at this moment, and this one was not drawn",
    "reason.quota_full": (
        "the plan asks so many customers a day at this moment ({detail}), and as many had been asked that day"
    ),
    "reason.quota_full/2": "the plan asks so many customers a day at this moment, and as many had been asked that day",
    "reason.awaits_visit": "it is asked when the customer visits the web site, and by mail from {wake} on",
    "reason.awaits_visit/2": "it is asked when the customer visits the web site",
    "reason.asked_on_web": "the customer was asked on the web site on {asked} and rests until {until}",
    "reason.asked_on_web/2": "the customer was asked on the web site before",
    "reason.open_question": "another question to the customer is still open",
    "reason.closed_by_visitor": "the customer closed it without an answer",
    "reason.not_offered": "the site does not offer the question there ({detail})",
    "reason.not_offered/2": "the site does not offer the question there",
    "reason.token_refused": "the visitor token of the site was not good ({detail})",
    "reason.token_refused/2": "the visitor token of the site was not good",
    "reason.needs_consent": (
        "in {detail} a survey on this channel needs the customer's consent (rules/countries.csv), and none is known"
    ),
    "reason.needs_consent/2": (
        "a survey on this channel needs the customer's consent (rules/countries.csv), and none is known"
    ),
    "reason.needs_consent.then": "a survey on this channel needed the customer's consent, and none was known",
    "reason.needs_notice": (
        "in {detail} a survey on this channel needs that the customer was told of the right to object "
        "(rules/countries.csv), and nobody said so"
    ),
    "reason.needs_notice/2": (
        "a survey on this channel needs that the customer was told of the right to object "
        "(rules/countries.csv), and nobody said so"
    ),
    "reason.needs_notice.then": (
        "a survey on this channel needed that the customer was told of the right to object, and nobody had said so"
    ),
    "lawful-hours": "it is not due before {opens}: this channel may be used {hours} only (rules/countries.csv)",
    "reason.counted_once": "the same answer came again under another event id and counts once",
    "reason.same_mailbox": "somebody with the same mail address was asked before and the mailbox rests until {until}",
    "reason.same_mailbox/2": "somebody with the same mail address was asked before and the mailbox rests",
    "reason.send_window": "mails leave only in the send window, which opens on {opens}",
    "reason.send_window/2": "mails leave only in the send window, so it waits until {wake}",
    "reason.send_window/3": "mails leave only in the send window",
    "reason.not_due": "it is not due before {due}",
    "reason.not_due/2": "it is not due yet",
    "reason.stopped": "{cause}",
    "reason.hold": "{hold}, so it waits until {wake}",
    "reason.hold/2": "{hold}",
    "reason.sending_held": "sending is held",
    "reason.paused": "this touchpoint is paused",
    "reason.daily_maximum": "the daily maximum of mails was reached",
    "reason.support_busy": (
        "it waits because support has no room for more answers: calls that it can still take until {until}: {calls}, "
        "calls expected from what was asked: {expected}; the question waits until {latest} at most"
    ),
    "reason.support_busy/2": "it waits because support has no room for more answers",
    "reason.answered": "the customer had answered already in another way, on {elsewhere}",
    "reason.answered/2": "the customer had answered already",
    "reason.request_closed": "the survey request had closed",
    "reason.superseded": "a changed answer led to a newer decision",
    "reason.already_done": "the same had been done already",
    "reason.open_ticket": "the customer has, or has had since, an open ticket",
    "reason.later_response": "a later answer of the customer is not 9 or 10",
    "reason.asked_last_year": "the customer was asked for a testimonial before, and is not asked again so soon",
    "reason.consent_refused": "the customer refused or withdrew consent before",
    "reason.no_permission": "the customer has not permitted marketing mail",
    "reason.no_permission.then": "the customer had not permitted marketing mail",
    "reason.fell_back": "a plain thank-you went out instead, because {because}",
    "reason.fell_back/2": "a plain thank-you went out instead",
    "reason.operator": "an operator decided so",
    "reason.refused_by_server": "the mail server refused it",
    "reason.server_away": "the mail server took no mails",
    "reason.bounced": "the mail came back",
    "reason.no_such_rule": "no rule of the follow-up table covers the answer",
    "reason.merged": "the customer was merged into another one",
    "reason.carrier_failed": "the carrier of its channel could not deliver it",
    "reason.joined_ticket": "the customer had an open ticket already, which it joined",
    "reason.wait": "its wait is not over before {due}",
    "reason.wait/2": "its wait is not over",
    # Reasons that only a sender gives
    "transport.later": "the mail server did not take it for now",
    "transport.not-taken": "its receiver did not take it",
    "transport.cut": "the connection broke when the mail had perhaps left already",
    "transport.not-written": "the mail could not be written",
    "transport.not-on-list": "its address was not on the list in BOUCLE_MAIL_ONLY_TO",
    # What a contrary event means
    "cause.refund": "the purchase was refunded",
    "cause.order_cancelled": "the order was cancelled",
    "cause.churned": "the customer has left",
    "cause.deceased": "the customer has died",
    "cause.opted_out": "the customer has opted out",
    "cause.erased": "the customer's data was erased",
    "cause.complaint_opened": "a complaint was opened",
    "cause.complaint_closed": "a complaint was closed",
    "cause.ticket_opened": "a ticket was opened",
    "cause.ticket_done": "a ticket was closed",
    "cause.other": "the event {event} arrived",
    "cause.none": "an event against the plan arrived",
    "hold.none": "a ticket, a complaint or the like held it",
    "hold.complaint_opened": "a complaint is open",
    "hold.complaint_opened.ended": "a complaint was closed a short time ago",
    "hold.ticket_opened": "a ticket is open",
    "hold.ticket_opened.ended": "a ticket was closed a short time ago",
}

"""Where the rows of each table lie once one table, or one machine, is not enough: by the customer, by what they are
looked up by, everywhere, or in one place.

The tables themselves do not change with it. Whatever is unique holds the column that its rows are placed by, because
neither PostgreSQL's partitions nor Citus' shards look into each other; ids are hashes of natural keys, so the same id
is never another customer's. A test holds every table against these lists, so that a new one cannot be overlooked.
"""

import sqlalchemy as sa

from workers.store.tables import customers, delivery, followup, intake, operation, places, report, sign_in, sms, survey

BY_CUSTOMER: dict[sa.Table, str] = {
    customers.customer: "id",
    **dict.fromkeys(
        (
            customers.former_address,
            customers.stop,
            survey.journey,
            survey.touchpoint,
            survey.survey_request,
            survey.click,
            survey.response,
            survey.response_revision,
            survey.testimonial,
            survey.consent,
            followup.decision,
            followup.shadow,
            followup.action,
            followup.ticket,
            followup.ticket_entry,
            followup.history,
            delivery.dispatch,
            delivery.dispatch_body,
            report.told,
            sms.sms_dialogue,
            sms.sms_message,
            sms.sms_reply,
            places.place_answer,
        ),
        "customer",
    ),
}
"""The core: all rows of one customer lie together, and each key names the customer."""
BY_LOOKUP: dict[sa.Table, str] = {
    intake.inbox: "event_id",
    customers.asked_mailbox: "mailbox",
}
"""Large as well, but asked before anybody knows whose a row is, or for the rows of several customers at once."""
PLACED: dict[sa.Table, str] = {**BY_CUSTOMER, **BY_LOOKUP}
"""Every table that is divided, with the column by which it is."""
EVERYWHERE: tuple[sa.Table, ...] = (
    customers.suppression,
    followup.rule_table,
    followup.plan_versions,
    survey.wave,
    survey.wording,
    operation.clock,
    operation.control,
    report.theme,
    report.response_theme,
    report.initiative,
    report.report_note,
    sign_in.user,
)
"""Small, and joined with the core or read by everybody: Citus keeps a copy on every machine."""
ONE_PLACE: tuple[sa.Table, ...] = (
    intake.consumed,
    intake.dead_letter,
    intake.received,
    intake.outbox,
    customers.letter_search,
    delivery.webhook_target,
    delivery.mail_server,
    operation.audit,
    operation.counter,
    operation.count_change,
    operation.outage,
    operation.rate_count,
    operation.role_lease,
    operation.running_count,
    report.answer_cell,
    report.asked_cell,
    report.followed_cell,
    report.report_change,
    survey.wave_share,
    sign_in.access_count,
    sign_in.api_key,
    sign_in.recovery_code,
    sign_in.second_factor,
    sign_in.session,
    sign_in.sign_in_attempt,
)
"""What comes in, goes out and keeps the installation going: short, or written for each batch; joined with nothing."""
